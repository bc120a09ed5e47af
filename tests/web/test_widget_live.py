"""The widget while a person has the conversation: it hears them live, also after a drop and a reload."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.web.driving import open_chat, say
from tests.web.wire import CONVERSATION, DROP, TURN, Stream, Wire, accepted, done, frame

pytestmark = pytest.mark.browser

QUEUED = frame("handoff", handoff_id=TURN, state="queued")
EVENTS = f"/api/v1/conversations/{CONVERSATION}/events"


def live(number: int, event: str, **data: Any) -> str:
    return f"id: {number}\nevent: {event}\ndata: {json.dumps(data)}\n\n"


def message(number: int, text: str, role: str = "agent") -> str:
    return live(number, "message", id=f"m{number}", role=role, text=text, created_at="2026-01-05T09:00:00Z")


def state(number: int, state: str) -> str:
    return live(number, "handoff", handoff_id=TURN, state=state)


async def ask_for_person(page: Page, wire: Wire) -> None:
    wire.scenes.append(Stream((accepted(), QUEUED, done("You are in the queue.", route="handoff"))))
    await open_chat(page, wire)
    await say(page, "Talk to a person")
    await expect(page.locator(".log .assistant .bubble").last).to_have_text("You are in the queue.")


async def test_the_customer_hears_the_person_live(page: Page, wire: Wire) -> None:
    await ask_for_person(page, wire)
    wire.live.put(state(1, "queued"))
    wire.live.put(state(2, "human"))
    await expect(page.locator("header p")).to_have_text("A colleague has joined the conversation.")
    await expect(page.locator(".person")).to_be_hidden()  # one is here
    wire.live.put(message(3, "Hello, this is Anne. <b>How can I help?</b>"))
    await expect(page.locator(".log .agent .bubble")).to_have_text(
        "Hello, this is Anne. <b>How can I help?</b>"
    )
    await expect(page.locator(".log .agent .who")).to_have_text("Support agent: ")
    wire.scenes.append(Stream((accepted(), done("Your message is with my colleague.", route="handoff"))))
    await say(page, "My parcel is wet")
    await expect(page.locator(".notice.receipt")).to_have_text("Your message is with my colleague.")
    wire.live.put(state(5, "closed"))
    wire.live.put(message(6, "I am here again.", "assistant"))
    await expect(page.locator(".log .assistant .bubble").last).to_have_text("I am here again.")
    await expect(page.locator("header p")).to_have_text("Automated assistant")
    await expect(page.locator(".person")).to_be_visible()
    assert len([request for request in wire.seen if request.path == EVENTS]) == 1


async def test_after_a_drop_it_goes_on_behind_the_last_message_and_shows_none_twice(
    page: Page, wire: Wire
) -> None:
    await ask_for_person(page, wire)
    wire.live.put(message(3, "One"))
    await expect(page.locator(".log .agent")).to_have_count(1)
    wire.live.put(DROP)
    wire.live.put(message(3, "One"))
    wire.live.put(message(4, "Two"))
    await expect(page.locator(".log .agent .bubble")).to_have_text(["One", "Two"])
    first, second = [request for request in wire.seen if request.path == EVENTS]
    assert "last-event-id" not in first.headers
    assert second.headers["last-event-id"] == "3"


async def test_after_a_reload_it_listens_again(page: Page, wire: Wire) -> None:
    await ask_for_person(page, wire)
    wire.history = [
        {"id": "m1", "turn_id": TURN, "role": "user", "text": "Talk to a person", "route": None},
        {
            "id": "m2",
            "turn_id": TURN,
            "role": "assistant",
            "text": "You are in the queue.",
            "route": "handoff",
        },
        {"id": "m3", "turn_id": TURN, "role": "agent", "text": "Hello.", "route": None},
    ]
    await page.reload()
    await page.locator(".launcher").click()
    await expect(page.locator(".log .agent")).to_have_count(1)
    await asyncio.to_thread(wire.wait_for_listener, 2)
    wire.live.put(message(3, "Hello."))
    wire.live.put(message(4, "Still there?"))
    await expect(page.locator(".log .agent .bubble")).to_have_text(["Hello.", "Still there?"])


async def test_what_a_person_says_to_a_closed_chat_shows_on_its_launcher(page: Page, wire: Wire) -> None:
    await ask_for_person(page, wire)
    wire.history = [
        {"id": "m1", "turn_id": TURN, "role": "user", "text": "A person, please", "route": None},
        {"id": "m2", "turn_id": TURN, "role": "assistant", "text": "In the queue.", "route": "handoff"},
    ]
    await page.reload()  # and the chat is closed: nobody opens it
    await asyncio.to_thread(wire.wait_for_listener, 2)
    launcher = page.locator(".launcher")
    await expect(launcher).to_have_accessible_name("Open chat")
    wire.live.put(message(3, "Hello."))
    await expect(page.locator(".badge")).to_have_text("1")
    wire.live.put(message(4, "Are you there?"))
    await expect(launcher).to_have_accessible_name("Open chat. New message (2)")
    await expect(page.locator(".root > [role=status]")).to_have_text("New message (2)")
    await launcher.click()
    await expect(page.locator(".log .agent .bubble")).to_have_text(["Hello.", "Are you there?"])
    await page.locator(".close").click()
    await expect(page.locator(".badge")).to_be_hidden()
    await expect(launcher).to_have_accessible_name("Open chat")


async def test_who_waits_for_a_person_is_told_of_a_lost_connection(page: Page, wire: Wire) -> None:
    await ask_for_person(page, wire)
    wire.live.put(state(1, "human"))
    await expect(page.locator("header p")).to_have_text("A colleague has joined the conversation.")
    await page.context.set_offline(True)
    wire.live.put(DROP)
    await expect(page.locator("header p")).to_have_text("Connection lost. Reconnecting…")
    await page.context.set_offline(False)
    await expect(page.locator("header p")).to_have_text("A colleague has joined the conversation.")
