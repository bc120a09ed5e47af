"""Knowledge on the admin page: FAQs are written, published, asked of the widget, imported."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.server.admin_page import fits_a_phone, page, shot

__all__ = ["page"]

pytestmark = pytest.mark.browser

expect.set_options(timeout=15_000)

FAQS = "/api/v1/faqs"


def made_up() -> str:
    """A word that no other test knows."""
    return "zorb" + uuid4().hex[:8].translate(str.maketrans("0123456789", "ghijklmnop"))


async def test_a_stranger_publishes_a_faq_and_the_widget_answers_with_it(
    page: Page, url: str, admin: httpx.AsyncClient
) -> None:
    word = made_up()
    question = f"Do you repair a broken {word}?"
    await page.goto(f"{url}/demo")
    await page.goto(f"{url}/admin")
    await expect(page.get_by_role("heading", name="Knowledge")).to_be_visible()
    await expect(page.locator("#faqs li").first).to_be_visible()
    await shot(page, "knowledge")
    await page.get_by_role("link", name="New FAQ").click()
    await page.get_by_role("button", name="Publish").click()
    await expect(page.locator("#field-question-wrong")).to_contain_text("Write the question")
    await expect(page.get_by_label("Question", exact=True)).to_be_focused()
    await page.get_by_label("Question", exact=True).fill(question)
    await page.get_by_label("Answer", exact=True).fill(f"Yes: every {word} is repaired within 5 days.")
    await page.get_by_label("Category").fill("Repairs")
    await shot(page, "knowledge-new")
    await page.get_by_role("button", name="Save as draft").click()
    await expect(page.locator("#done")).to_contain_text("no customer gets it")
    found = (await admin.get(FAQS, params={"q": word})).json()["faqs"]
    assert [(one["state"], one["category"]) for one in found] == [("draft", "Repairs")]
    await page.get_by_role("button", name="Publish").click()
    await expect(page.locator("#done")).to_contain_text("customers get this answer")
    await shot(page, "knowledge-published")
    await page.get_by_role("button", name=f"Ask “{question}”").click()
    answer = page.locator("deskgraph-chat .log .assistant").last
    await expect(answer).to_contain_text(f"every {word} is repaired within 5 days")
    await shot(page, "knowledge-asked")
    await page.get_by_role("button", name="Close").first.click()
    await page.get_by_role("button", name="Unpublish").click()
    await expect(page.locator("#done")).to_contain_text("draft")
    assert (await admin.get(f"{FAQS}/{found[0]['id']}")).json()["state"] == "draft"
    await page.get_by_role("button", name="Delete").click()
    await page.get_by_role("button", name="Cancel").click()
    assert (await admin.get(f"{FAQS}/{found[0]['id']}")).status_code == 200
    await page.get_by_role("button", name="Delete").click()
    await shot(page, "knowledge-delete")
    await page.locator("#confirm").get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("heading", name="Knowledge")).to_be_visible()
    assert (await admin.get(f"{FAQS}/{found[0]['id']}")).status_code == 404


async def test_what_contradicts_another_faq_is_told(page: Page, url: str, admin: httpx.AsyncClient) -> None:
    word = made_up()
    first = {"question": f"How long does a {word} last?", "answer": "It lasts 3 years."}
    other = (await admin.post(FAQS, json=first)).json()
    await page.goto(f"{url}/admin#knowledge/new")
    await page.get_by_label("Question", exact=True).fill(f"How long does the {word} last?")
    await page.get_by_label("Answer", exact=True).fill("It lasts 7 years.")
    await page.get_by_label("Other wordings").fill(f"{word} lifetime\n\nlife of a {word}")
    await page.get_by_role("button", name="Publish").click()
    warned = page.locator(".warned")
    await expect(warned).to_contain_text("Says otherwise")
    await expect(warned).to_contain_text("3, 7")
    await shot(page, "knowledge-conflict")
    kept = (await admin.get(FAQS, params={"q": f"life of a {word}"})).json()["faqs"]
    assert kept[0]["aliases"] == [f"{word} lifetime", f"life of a {word}"]
    await warned.get_by_role("link").click()
    await expect(page.get_by_label("Question", exact=True)).to_have_value(first["question"])
    for one in (other, kept[0]):
        assert (await admin.delete(f"{FAQS}/{one['id']}")).status_code == 204


async def test_what_was_typed_outlives_errors_and_a_lost_session(
    page: Page, url: str, admin: httpx.AsyncClient
) -> None:
    word = made_up()
    question = f"Where is the {word} made?"
    made = (await admin.post(FAQS, json={"question": question, "answer": "Here."})).json()
    await page.goto(f"{url}/admin#knowledge/new")
    await page.get_by_label("Question", exact=True).fill(question)
    await page.get_by_label("Answer", exact=True).fill("There.")
    await page.get_by_role("button", name="Publish").click()
    await expect(page.locator("#field-question-wrong")).to_contain_text("There is a FAQ with this question")
    await expect(page.get_by_label("Answer", exact=True)).to_have_value("There.")
    await page.get_by_text("Show it only for a time").click()
    await page.get_by_label("From").fill("2031-05-01T10:00")
    await page.get_by_label("Until").fill("2031-04-01T10:00")
    await page.get_by_role("button", name="Publish").click()
    await expect(page.locator("#field-expires_at-wrong")).to_contain_text("must be after publish_at")
    await page.get_by_label("Until").fill("2031-06-01T10:00")
    await page.get_by_label("Question", exact=True).fill(f"And the other {word}?")
    cookies = await page.context.cookies()
    await page.context.clear_cookies()
    await page.get_by_role("button", name="Publish").click()
    await expect(page.locator("#problem")).to_contain_text("You are not signed in")
    await expect(page.locator("#problem")).to_contain_text("what you wrote is still here")
    await page.context.add_cookies([{**cookie} for cookie in cookies])  # type: ignore[typeddict-item]
    await page.evaluate("location.hash = '#knowledge'")
    await expect(page.get_by_role("dialog")).to_contain_text("Leave without saving?")
    await page.get_by_role("button", name="Cancel").click()
    await page.get_by_role("button", name="Publish").click()
    await expect(page.locator("#done")).to_contain_text("from the time you set")
    await expect(page.locator("#problem")).to_be_hidden()
    found = (await admin.get(FAQS, params={"q": word, "state": "scheduled"})).json()["faqs"]
    assert [one["question"] for one in found] == [f"And the other {word}?"]
    for one in (made, *found):
        assert (await admin.delete(f"{FAQS}/{one['id']}")).status_code == 204


@pytest.mark.parametrize(("typed", "kept"), [("2031-07-01T09:00", "13:00"), ("2031-01-01T09:00", "14:00")])
async def test_a_time_is_the_local_one_of_who_types_it(
    page: Page, url: str, admin: httpx.AsyncClient, typed: str, kept: str
) -> None:
    browser = await page.context.new_cdp_session(page)
    await browser.send("Emulation.setTimezoneOverride", {"timezoneId": "America/New_York"})
    question = f"When is the {made_up()} shown?"
    await page.goto(f"{url}/admin#knowledge/new")
    await page.get_by_label("Question", exact=True).fill(question)
    await page.get_by_label("Answer", exact=True).fill("Then.")
    await page.get_by_text("Show it only for a time").click()
    await page.get_by_label("From").fill(typed)
    await page.get_by_role("button", name="Publish").click()
    await expect(page.locator("#done")).to_contain_text("from the time you set")
    await expect(page.get_by_label("From")).to_have_value(typed)
    [found] = (await admin.get(FAQS, params={"q": question})).json()["faqs"]
    assert found["publish_at"].startswith(f"{typed[:10]}T{kept}:00")
    assert (await admin.delete(f"{FAQS}/{found['id']}")).status_code == 204


async def test_a_file_is_imported_and_its_mistakes_are_told_by_line(
    page: Page, url: str, admin: httpx.AsyncClient, tmp_path: Path
) -> None:
    word = made_up()
    rows = [f'"Is {word} {number} fine?","Yes,\nit is number {number}. {"x" * 600}"' for number in range(120)]
    rows.insert(70, f'"","No question, for {word}"')
    rows.append(f'"Is {word} silent?",""')
    file = tmp_path / "faqs.csv"
    file.write_text("question,answer\n" + "\n".join(rows) + "\n", encoding="utf-8")
    await page.goto(f"{url}/admin#knowledge/import")
    await page.get_by_label("File", exact=True).set_input_files(file)
    await page.get_by_role("button", name="Import").click()
    imported = page.locator("#imported")
    await expect(imported).to_contain_text("121 added, 0 changed, 0 as they were", timeout=60_000)
    await expect(imported).to_contain_text("One of them has no answer: no customer gets it")
    await expect(imported.locator("tbody tr")).to_have_text("142it has no question")
    await shot(page, "knowledge-import")
    await page.get_by_role("link", name="See the list").click()
    await page.get_by_role("searchbox").fill(f"{word} silent")
    await expect(page.locator("#faqs li")).to_have_count(1)
    await expect(page.locator("#faqs li .badge")).to_have_text("no answer yet")
    await page.get_by_role("searchbox").fill(f"{word} 11")
    await expect(page.locator("#faqs li")).to_have_count(11)
    await page.get_by_role("searchbox").fill(f"{word} nothing like it")
    await expect(page.locator("#content")).to_contain_text("No FAQ is like that.")
    await page.get_by_role("button", name="Show all").click()
    async with page.expect_download() as waited:
        await page.get_by_role("button", name="Export all").click()
    assert word in (await (await waited.value).path()).read_text(encoding="utf-8")
    while found := (await admin.get(FAQS, params={"q": word})).json()["faqs"]:
        for one in found:
            await admin.delete(f"{FAQS}/{one['id']}")
    assert (await admin.get(FAQS, params={"q": word})).json()["faqs"] == []


async def test_it_fits_a_phone(page: Page, url: str) -> None:
    await page.set_viewport_size({"width": 390, "height": 844})
    for place in ("knowledge", "knowledge/new", "knowledge/import"):
        await page.goto(f"{url}/demo")
        await page.goto(f"{url}/admin#{place}")
        await expect(page.locator("#faqs li, form.card").first).to_be_visible()
        await fits_a_phone(page)
        await shot(page, f"phone-{place.replace('/', '-')}")
