"""The widget's turns over the wire: streaming, replay after a drop, refusals, what it sends."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.web.driving import open_chat, say
from tests.web.wire import CONVERSATION, HOLD, TURN, Refusal, Stream, Wire, accepted, done, frame

pytestmark = pytest.mark.browser

SHIPPING = "Standard shipping takes 5–7 business days."


async def test_a_turn_is_streamed_and_the_conversation_goes_on(page: Page, wire: Wire) -> None:
    wire.scenes += [
        Stream(
            (accepted(), frame("token", text="Standard "), HOLD, frame("token", text="x"), done(SHIPPING))
        ),
        Stream((accepted(), done("You are welcome."))),
    ]
    await open_chat(page, wire)
    await say(page, "How long does shipping take?")
    await expect(page.locator(".draft .bubble")).to_have_text("Standard ")
    # What is half written is not in the log, so a screen reader hears the answer once.
    await expect(page.get_by_role("log")).not_to_contain_text("Standard")
    wire.go.set()
    await expect(page.locator(".log .assistant .bubble").last).to_have_text(SHIPPING)
    await expect(page.locator(".draft")).to_be_hidden()
    await say(page, "thanks")
    await expect(page.locator(".log .assistant .bubble").last).to_have_text("You are welcome.")
    first, second = wire.turns()
    assert first.body == {"message": "How long does shipping take?", "locale": "en"}
    assert second.body == {"message": "thanks", "locale": "en", "conversation_id": CONVERSATION}
    assert first.headers["x-csrf-token"] == "csrf-1"
    assert first.headers["idempotency-key"] != second.headers["idempotency-key"]


async def test_a_drop_is_resent_with_the_same_key_and_shown_once(page: Page, wire: Wire) -> None:
    token = frame("token", text="Standard shipping ")
    wire.scenes += [
        Stream((accepted(), token), dropped=True),
        Stream((accepted(), token, HOLD, done(SHIPPING))),
    ]
    await open_chat(page, wire)
    await say(page, "How long does shipping take?")
    await expect(page.locator(".doing")).to_contain_text("Reconnecting")
    await expect(page.locator(".draft .bubble")).to_have_text("Standard shipping ")
    wire.go.set()
    await expect(page.locator(".log .user")).to_have_count(1)
    await expect(page.locator(".log .assistant .bubble").last).to_have_text(SHIPPING)
    first, second = wire.turns()
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert first.body == second.body


async def test_after_three_drops_the_user_may_try_again_with_the_same_key(page: Page, wire: Wire) -> None:
    wire.scenes += [Stream((accepted(),), dropped=True)] * 3 + [Stream((accepted(), done(SHIPPING)))]
    await open_chat(page, wire)
    await say(page, "How long does shipping take?")
    await expect(page.locator(".notice.error")).to_contain_text("connection was lost")
    assert len(wire.turns()) == 3
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator(".log .assistant .bubble").last).to_have_text(SHIPPING)
    await expect(page.locator(".notice.error")).to_have_count(0)
    assert len({turn.headers["idempotency-key"] for turn in wire.turns()}) == 1
    assert all(turn.body == wire.turns()[0].body for turn in wire.turns())


async def test_a_failed_turn_is_tried_again_as_a_new_turn(page: Page, wire: Wire) -> None:
    failed = frame("error", title="Unavailable", status=503, detail="The store is away; try again.")
    wire.scenes += [Stream((accepted(), failed)), Stream((accepted(), done(SHIPPING)))]
    await open_chat(page, wire)
    await say(page, "hi")
    await expect(page.locator(".notice.error")).to_contain_text("The store is away; try again.")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator(".log .assistant .bubble").last).to_have_text(SHIPPING)
    first, second = wire.turns()
    assert first.headers["idempotency-key"] != second.headers["idempotency-key"]


async def test_revise_replaces_everything_shown(page: Page, wire: Wire) -> None:
    wire.scenes.append(
        Stream(
            (
                accepted(),
                frame("token", text="Two days!"),
                frame("revise", text="Five "),
                HOLD,
                done("Five days."),
            )
        )
    )
    await open_chat(page, wire)
    await say(page, "hi")
    await expect(page.locator(".draft .bubble")).to_have_text("Five ")
    wire.go.set()
    await expect(page.locator(".log .assistant .bubble").last).to_have_text("Five days.")


async def test_a_refusal_says_what_to_do(page: Page, wire: Wire) -> None:
    wire.scenes += [
        Refusal(401, "A valid access token is needed."),
        Refusal(429, "Too many messages; wait 12 seconds."),
        Refusal(500, "Something went wrong on our side."),
    ]
    await open_chat(page, wire)
    await say(page, "hi")
    for shown in ("Please sign in", "Too many messages; wait 12", "Something went wrong"):
        await expect(page.locator(".notice.error")).to_contain_text(shown)
        if wire.scenes:
            await page.get_by_role("button", name="Try again").click()
    assert len(wire.turns()) == 3


async def test_a_message_that_must_change_goes_back_to_the_composer(page: Page, wire: Wire) -> None:
    wire.scenes.append(Refusal(413, "A message may have 8000 characters."))
    await open_chat(page, wire)
    await say(page, "far too long")
    await expect(page.locator(".notice.error")).to_have_text("A message may have 8000 characters.")
    await expect(page.locator("textarea")).to_have_value("far too long")


async def test_a_busy_conversation_is_waited_for(page: Page, wire: Wire) -> None:
    wire.scenes += [Refusal(409, "Busy."), Stream((accepted(), done(SHIPPING)))]
    await open_chat(page, wire)
    await say(page, "hi")
    await expect(page.locator(".log .assistant .bubble").last).to_have_text(SHIPPING)
    first, second = wire.turns()
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


async def test_a_forgotten_conversation_is_left_behind(page: Page, wire: Wire) -> None:
    wire.scenes += [
        Stream((accepted(), done("Hello."))),
        Refusal(404, "There is no such object."),
        Stream((accepted(), done(SHIPPING))),
    ]
    await open_chat(page, wire)
    await say(page, "hi")
    await expect(page.locator(".log .assistant .bubble").last).to_have_text("Hello.")
    await say(page, "How long does shipping take?")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator(".log .assistant .bubble").last).to_have_text(SHIPPING)
    assert ["conversation_id" in turn.body for turn in wire.turns()] == [False, True, False]


async def test_the_history_comes_back_after_a_reload(page: Page, wire: Wire) -> None:
    wire.scenes.append(Stream((accepted(), done("Hello."))))
    await open_chat(page, wire)
    await say(page, "hi")
    await expect(page.locator(".log .assistant .bubble").last).to_have_text("Hello.")
    about = {
        "turn_id": TURN,
        "conversation_id": CONVERSATION,
        "route": None,
        "created_at": "2026-01-01T00:00:00Z",
    }
    wire.history += [
        {"id": "1", "role": "user", "text": "hi", **about},
        {"id": "2", "role": "assistant", "text": "Hello.", **about},
        {"id": "3", "role": "agent", "text": "This is Kim.", **about},
    ]
    await open_chat(page, wire)
    await expect(page.locator(".log .user .bubble")).to_have_text("hi")
    await expect(page.locator(".log .assistant .bubble").last).to_have_text("Hello.")
    await expect(page.locator(".log .agent")).to_contain_text("Support agent: This is Kim.")
    asked = next(request for request in wire.seen if request.path == "/api/v1/chat/history")
    assert asked.body["conversation_id"] == CONVERSATION


async def test_a_token_replaces_the_cookie(page: Page, wire: Wire) -> None:
    wire.scenes.append(Stream((accepted(), done("Hello."))))
    await page.goto(f"{wire.url}/demo")
    await page.locator("deskgraph-chat").evaluate("chat => chat.setAttribute('token', 'secret-1')")
    await page.locator(".launcher").click()
    await say(page, "hi")
    await expect(page.locator(".log .assistant .bubble").last).to_have_text("Hello.")
    headers = wire.turns()[0].headers
    assert headers["authorization"] == "Bearer secret-1"
    assert "x-csrf-token" not in headers
    assert "cookie" not in headers


async def test_a_reload_in_the_middle_of_an_answer_loses_neither_question_nor_answer(
    page: Page, wire: Wire
) -> None:
    token = frame("token", text="Standard ")
    wire.scenes += [
        Stream((accepted(), token, HOLD)),
        Stream((accepted(), token, HOLD, done(SHIPPING))),
    ]
    await open_chat(page, wire)
    await say(page, "How long does shipping take?")
    await expect(page.locator(".draft .bubble")).to_have_text("Standard ")
    await page.reload()
    await page.locator(".launcher").click()
    await expect(page.locator(".log .user .bubble")).to_have_text("How long does shipping take?")
    await expect(page.locator(".draft .bubble")).to_have_text("Standard ")
    wire.go.set()
    await expect(page.locator(".log .assistant .bubble").last).to_have_text(SHIPPING)
    first, second = wire.turns()
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert first.body == second.body
    wire.history = [{"id": "m1", "turn_id": TURN, "role": "user", "text": "How long?", "route": None}]
    await page.reload()
    await page.locator(".launcher").click()
    await expect(page.locator(".log .user")).to_have_count(1)
    assert len(wire.turns()) == 2


async def test_a_turn_that_ended_during_the_reload_is_not_asked_for_again(page: Page, wire: Wire) -> None:
    wire.scenes.append(Stream((accepted(), frame("token", text="Standard "), HOLD)))
    await open_chat(page, wire)
    await say(page, "How long does shipping take?")
    await expect(page.locator(".draft .bubble")).to_have_text("Standard ")
    wire.history = [
        {"id": "m1", "turn_id": TURN, "role": "user", "text": "How long?", "route": None},
        {"id": "m2", "turn_id": TURN, "role": "assistant", "text": SHIPPING, "route": "faq"},
    ]
    await page.reload()
    await page.locator(".launcher").click()
    await expect(page.locator(".log .assistant .bubble").last).to_have_text(SHIPPING)
    await expect(page.locator(".log .user")).to_have_count(1)
    assert len(wire.turns()) == 1


async def test_what_is_being_written_outlasts_a_question_that_is_clicked(page: Page, wire: Wire) -> None:
    asked = ["How much is it?"]
    wire.scenes += [
        Stream((accepted(), done(SHIPPING, suggestions=asked))),
        Stream((accepted(), HOLD, done("Four dollars."))),
    ]
    await open_chat(page, wire)
    await say(page, "How long does shipping take?")
    await page.locator("textarea").fill("And by the way")
    await page.get_by_role("button", name=asked[0]).click()
    await expect(page.locator(".log .user .bubble").last).to_have_text(asked[0])
    await expect(page.locator("textarea")).to_have_value("And by the way")
    await page.locator("[data-ask]").first.click()  # while an answer is running
    await expect(page.locator("textarea")).to_have_value("And by the way")
    wire.go.set()
    await expect(page.locator(".log .assistant .bubble").last).to_have_text("Four dollars.")
    await page.reload()
    await page.locator(".launcher").click()
    await expect(page.locator("textarea")).to_have_value("And by the way")
    assert await page.locator("textarea").evaluate("field => field.clientHeight") > 20
    wire.scenes.append(Stream((accepted(), done("Yes?"))))
    await page.locator("textarea").press("Enter")
    await expect(page.locator(".log .assistant .bubble").last).to_have_text("Yes?")
    await page.reload()
    await page.locator(".launcher").click()
    await expect(page.locator("textarea")).to_have_value("")
