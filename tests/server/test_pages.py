"""The real pages in a real browser: sign in by the link, ask the demo's facts, watch the graph."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from server.issuer import Issuer
from tests.server.admin_page import shot
from tests.server.test_demo_facts import FACTS

pytestmark = pytest.mark.browser


@pytest.fixture
async def page(browser: Browser, base_url: str, issuer: Issuer) -> AsyncIterator[Page]:
    """A tab that is signed in as Ada, cut off from every other host; an error on the page fails the test."""
    profile = await browser.new_context(locale="en-GB", reduced_motion="reduce")
    tab = await profile.new_page()
    tab.set_default_timeout(8000)
    broken: list[str] = []
    tab.on("pageerror", lambda error: broken.append(str(error)))
    await profile.route(lambda url: not url.startswith(base_url), lambda route: route.abort())
    code = issuer.sign(tenant="bookshop", email="ada@example.com", role="admin", seconds=60, typ="login+jwt")
    await tab.goto(f"{base_url}/login?code={code}")
    assert tab.url == f"{base_url}/demo"
    yield tab
    await profile.close()
    assert broken == []


async def send(page: Page, message: str) -> None:
    """Type a message and press Enter."""
    await page.locator("textarea").fill(message)
    await page.locator("textarea").press("Enter")


async def test_the_widget_answers_the_demo_facts(page: Page) -> None:
    await page.locator(".launcher").click()
    answers = page.locator(".log .message.assistant")
    for message, route, said in FACTS:
        if route == "handoff":
            continue
        before = await answers.count()
        await send(page, message)
        await expect(answers).to_have_count(before + 1)
        for part in said:
            await expect(answers.last).to_contain_text(part)


async def test_a_person_is_one_click_away(page: Page) -> None:
    await page.locator(".launcher").click()
    await page.get_by_role("button", name="Talk to a person", exact=True).click()
    await expect(page.get_by_role("log")).to_contain_text("I have asked a person to take over")


async def test_the_conversation_is_there_after_a_reload(page: Page) -> None:
    await page.locator(".launcher").click()
    await send(page, "Which cards do you take?")
    await expect(page.get_by_role("log")).to_contain_text("Mastercard")
    await page.reload()
    await page.locator(".launcher").click()
    await expect(page.get_by_role("log")).to_contain_text("Mastercard")


async def test_sources_and_an_open_offer_are_there_after_a_reload(page: Page) -> None:
    await page.locator(".launcher").click()
    await send(page, "What are loyalty points worth?")
    await expect(page.locator(".sources")).to_have_count(1)
    await send(page, "I want to return order 100234")
    confirm = page.get_by_role("button", name="Confirm: Start a return for order 100234")
    await expect(confirm).to_be_enabled()
    await page.reload()
    await page.locator(".launcher").click()
    await page.get_by_text("Sources (1)").click()
    await expect(page.locator(".sources blockquote")).to_contain_text("points")
    await shot(page, "reload")
    await confirm.click()
    await expect(page.locator(".log .assistant .bubble").last).to_contain_text("Your return is open")


async def test_an_agent_finds_what_an_answer_stood_on_after_a_reload(page: Page, base_url: str) -> None:
    await page.locator(".launcher").click()
    await send(page, "What are loyalty points worth?")
    await expect(page.locator(".sources")).to_have_count(1)
    await page.get_by_role("button", name="Talk to a person", exact=True).click()
    await expect(page.get_by_role("log")).to_contain_text("I have asked a person to take over")
    conversation = await page.evaluate("sessionStorage.getItem(`deskgraph:conversation:${location.origin}`)")
    await page.goto(f"{base_url}/console")
    await page.locator("#queue button", has_text=conversation[-6:]).click()
    await expect(page.locator("#talk-title")).to_have_text("Waiting")
    await page.reload()
    await page.get_by_text("Sources (1)").click()
    await expect(page.locator(".message.assistant .sources blockquote")).to_contain_text("points")
    await shot(page, "console-reload")


async def test_the_playground_lights_the_path_of_a_turn(page: Page, base_url: str) -> None:
    await page.goto(f"{base_url}/playground")
    await expect(page.locator("svg").get_by_text("screen", exact=True)).to_be_visible()
    box = page.get_by_role("textbox").first
    await box.fill("What is your return policy?")
    await box.press("Enter")
    await expect(page.get_by_text("30 days").first).to_be_visible()
    await expect(page.locator("svg").get_by_text("canned_reply", exact=True)).to_be_visible()


async def test_the_api_docs_need_no_other_host(page: Page, base_url: str) -> None:
    await page.goto(f"{base_url}/docs")
    await expect(page.get_by_text("Send a message and wait for the answer")).to_be_visible()
