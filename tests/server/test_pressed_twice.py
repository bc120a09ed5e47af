"""A second press while the first is at work does nothing, and a late answer replaces no newer one."""

from __future__ import annotations

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.server.admin_page import SLOW_SECONDS, page, slowly
from tests.server.wire import ask

__all__ = ["page"]

pytestmark = pytest.mark.browser

expect.set_options(timeout=15_000)

PAGE = 30


async def test_a_turn_is_run_and_a_label_moved_once(
    page: Page, url: str, customer: httpx.AsyncClient
) -> None:
    reply = await ask(customer, "hi")
    runs = await slowly(page, "**/runs")
    moves = await slowly(page, "**/labels")
    backs = await slowly(page, "**/rollback")
    await page.goto(f"{url}/playground?turn={reply['turn_id']}")
    await page.locator("#fork-times").select_option("1")
    await page.locator("#fork-run").dblclick()
    await expect(page.locator("#runs thead th")).to_have_count(2)
    await expect(page.locator("#fork-run")).to_have_text("Run in the sandbox")
    assert len(runs) == 1

    await page.locator("#release-version").select_option("1")
    await page.get_by_role("button", name="Promote").dblclick()
    await expect(page.locator("#release-state")).to_have_text("canary stands on v1.")
    assert len(moves) == 1
    await page.get_by_role("button", name="Roll back").dblclick()
    await expect(page.locator("#release-state")).to_have_text("canary stands nowhere any more.")
    assert len(backs) == 1


async def test_a_suite_is_begun_once(page: Page, url: str) -> None:
    refused = {"status": 429, "detail": "Later."}
    await page.route("**/evals/runs", lambda route: route.fulfill(status=429, json=refused))
    asked = await slowly(page, "**/evals/runs")
    await page.goto(f"{url}/playground")
    await page.locator("#suite-run").dblclick()
    await expect(page.locator("#suite-state")).to_have_text("Later.")
    assert len(asked) == 1


async def test_a_faq_is_published_once(page: Page, url: str, admin: httpx.AsyncClient) -> None:
    asked = await slowly(page, "**/api/v1/faqs")
    await page.goto(f"{url}/admin#knowledge/new")
    await page.get_by_label("Question", exact=True).fill("Is it pressed twice?")
    await page.get_by_label("Answer", exact=True).fill("It is told once.")
    await page.get_by_role("button", name="Publish").dblclick()
    await expect(page.locator("#done")).to_contain_text("Published")
    assert len(asked) == 1
    [kept] = (await admin.get("/api/v1/faqs", params={"q": "pressed twice"})).json()["faqs"]
    assert (await admin.delete(f"/api/v1/faqs/{kept['id']}")).status_code == 204


async def test_more_shows_no_turn_twice(page: Page, url: str, customer: httpx.AsyncClient) -> None:
    for _ in range(PAGE + 1):
        await ask(customer, "hi")
    for address, pattern in (("review", "**/reviews?*cursor*"), ("playground", "**/turns?*cursor*")):
        asked = await slowly(page, pattern, "GET")
        await page.goto(f"{url}/{address}")
        if address == "review":
            await page.locator("#wanted").select_option("all")
        shown = page.locator("main [data-turn]")
        await expect(shown).to_have_count(PAGE)
        await page.locator("#more").dblclick()
        await expect(shown.nth(PAGE)).to_be_visible()
        await page.wait_for_timeout(1000 * SLOW_SECONDS)  # a second answer would come by then
        turns = await shown.evaluate_all("nodes => nodes.map((node) => node.dataset.turn)")
        assert (len(asked), len(turns)) == (1, len(set(turns))), address


async def test_a_late_answer_replaces_no_newer_one(page: Page, url: str, customer: httpx.AsyncClient) -> None:
    turn = (await ask(customer, "hi"))["turn_id"]
    await slowly(page, "**/reviews?wanted=low_rated*", "GET")
    await page.goto(f"{url}/review")
    await page.locator("#wanted").select_option("all")
    newest = page.locator(f'#turns [data-turn="{turn}"]')
    await expect(newest).to_be_visible()
    async with page.expect_response("**/reviews?wanted=low_rated*"):
        await page.locator("#wanted").select_option("low_rated")
        await page.locator("#wanted").select_option("all")
    await page.wait_for_timeout(200)
    await expect(newest).to_be_visible()
