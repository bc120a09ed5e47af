"""What stands below an answer is there again after a reload, and works."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.web.driving import open_chat, say
from tests.web.test_widget_replies import OFFER, QUOTE, SOURCE
from tests.web.wire import CONVERSATION, TURN, Stream, Wire, accepted, done

pytestmark = pytest.mark.browser

ASKED = {"id": "m1", "turn_id": TURN, "role": "user", "text": "shipping?", "route": None}


async def come_back(page: Page, wire: Wire, **below: Any) -> None:
    """One question and its answer, and then the page anew, with this below the answer in the history."""
    wire.scenes.append(Stream((accepted(), done("5-7 days.", **below))))
    await open_chat(page, wire)
    await say(page, "shipping?")
    await expect(page.locator(".log .assistant .bubble").last).to_have_text("5-7 days.")
    told = {"id": "m2", "turn_id": TURN, "role": "assistant", "text": "5-7 days.", "route": "faq"}
    wire.history = [ASKED, told | below]
    await page.reload()
    await page.locator(".launcher").click()
    await expect(page.locator(".log .assistant .bubble").last).to_have_text("5-7 days.")


async def test_sources_open_after_a_reload(page: Page, wire: Wire) -> None:
    await come_back(page, wire, citations=[SOURCE])
    await page.get_by_text("Sources (1)").click()
    await expect(page.get_by_text(QUOTE)).to_be_visible()


async def test_a_suggestion_is_sent_after_a_reload(page: Page, wire: Wire) -> None:
    await come_back(page, wire, suggestions=["Where is my order?"])
    wire.scenes.append(Stream((accepted(), done("On its way."))))
    await page.get_by_role("button", name="Where is my order?").click()
    await expect(page.locator(".log .assistant .bubble").last).to_have_text("On its way.")
    await expect(page.locator(".choices")).to_have_count(0)
    sent = {"message": "Where is my order?", "locale": "en", "conversation_id": CONVERSATION}
    assert wire.turns()[1].body == sent


async def test_an_offer_is_confirmed_after_a_reload(page: Page, wire: Wire) -> None:
    await come_back(page, wire, actions=[OFFER])
    wire.scenes.append(Stream((accepted(), done("Your return is started."))))
    confirm = page.get_by_role("button", name="Confirm: Return order 100234")
    await confirm.click()
    await expect(page.locator(".log .assistant .bubble").last).to_have_text("Your return is started.")
    await expect(confirm).to_be_disabled()
    assert wire.turns()[1].body == {"confirm": "act-1", "conversation_id": CONVERSATION}
