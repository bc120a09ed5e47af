"""The whole admin page by keyboard and by ear: every control has a name, focus goes where the reader goes."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.server.admin_page import page

__all__ = ["page"]

pytestmark = pytest.mark.browser

expect.set_options(timeout=15_000)

NAMELESS = """() => [...document.querySelectorAll("input, select, textarea, button, a, meter, progress")]
  .filter((one) => one.checkVisibility())
  .filter((one) => !(one.getAttribute("aria-label") || one.labels?.length || one.textContent.trim()))
  .map((one) => one.outerHTML)"""
TWICE = """() => [...document.querySelectorAll("[id]")].map(({ id }) => id)
  .filter((id, place, all) => all.indexOf(id) !== place)"""


@pytest.mark.parametrize(
    "place",
    ["knowledge", "knowledge/new", "knowledge/import", "settings", "keys", "usage", "privacy", "audit"],
)
async def test_every_control_has_a_name(page: Page, url: str, place: str) -> None:
    await page.goto(f"{url}/admin#{place}")
    await expect(page.locator("#content > div > *").first).to_be_visible()
    await expect(page.locator("#areas [aria-current='page']")).to_have_count(1)
    assert await page.evaluate(NAMELESS) == []
    assert await page.evaluate(TWICE) == []


async def test_a_faq_is_written_by_keyboard_alone(page: Page, url: str, admin: httpx.AsyncClient) -> None:
    word = f"zorb{uuid4().hex[:8]}"
    await page.goto(f"{url}/admin")
    await page.get_by_role("link", name="New FAQ").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#area-title")).to_be_focused()
    await expect(page.locator("#area-title")).to_have_text("New FAQ")
    for _ in range(2):  # over the way back
        await page.keyboard.press("Tab")
    await page.keyboard.type(f"May I bring a {word}?")
    await page.keyboard.press("Enter")  # sends nothing
    await page.keyboard.press("Tab")
    await page.keyboard.type("Yes, a small one.")
    await page.get_by_role("button", name="Save as draft").focus()
    await page.keyboard.press("Space")
    await expect(page.locator("#done")).to_contain_text("Saved as a draft")
    [made] = (await admin.get("/api/v1/faqs", params={"q": word})).json()["faqs"]
    assert (made["state"], made["question"]) == ("draft", f"May I bring a {word}?")
    await page.get_by_role("button", name="Delete").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#confirm-no")).to_be_focused()
    await page.keyboard.press("Escape")
    assert (await admin.delete(f"/api/v1/faqs/{made['id']}")).status_code == 204


async def test_who_asks_too_often_is_not_told_to_sign_in(page: Page, url: str) -> None:
    refused = {"status": 429, "detail": "You have sent too many requests; try again in 30 s."}
    await page.route("**/api/v1/me", lambda route: route.fulfill(status=429, json=refused))
    await page.goto(f"{url}/admin")
    await expect(page.locator("#problem")).to_have_text("You have sent too many requests; try again in 30 s.")
    await expect(page.locator("#area-title")).to_have_text("This page could not be opened")
    await page.unroute("**/api/v1/me")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator("#area-title")).to_have_text("Knowledge")
