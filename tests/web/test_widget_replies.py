"""What the widget makes of a reply: sources, offers, suggestions, ratings, notices; text stays text."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.web.driving import open_chat, say
from tests.web.wire import CONVERSATION, HOLD, TURN, Stream, Wire, accepted, done, frame

pytestmark = pytest.mark.browser

REDUCED = "Some of our systems are not available at the moment, so answers may be less complete."

QUOTE = "Standard shipping takes 5-7 business days."
SOURCE = {
    "source_id": "faq:1",
    "kind": "faq",
    "version": 1,
    "title": "Shipping",
    "quote": QUOTE,
    "score": 0.9,
}
OFFER = {
    "id": "act-1",
    "label": "Return order 100234",
    "tool": "start_return",
    "arguments": {"order_id": "100234"},
    "expires_at": "2099-01-01T00:00:00Z",
}


async def test_sources_open_on_demand(page: Page, wire: Wire) -> None:
    wire.scenes.append(Stream((accepted(), done("5-7 days.", citations=[SOURCE]))))
    await open_chat(page, wire)
    await say(page, "shipping?")
    await expect(page.get_by_text(QUOTE)).to_be_hidden()
    await page.get_by_text("Sources (1)").click()
    await expect(page.get_by_text(QUOTE)).to_be_visible()


async def test_a_suggestion_is_sent_and_disappears(page: Page, wire: Wire) -> None:
    wire.scenes += [
        Stream((accepted(), done("Hello.", suggestions=["Where is my order?"]))),
        Stream((accepted(), done("On its way."))),
    ]
    await open_chat(page, wire)
    await say(page, "hi")
    await page.get_by_role("button", name="Where is my order?").press("Enter")
    await expect(page.locator(".log .assistant .bubble").last).to_have_text("On its way.")
    await expect(page.locator(".choices")).to_have_count(0)
    await expect(page.locator("textarea")).to_be_focused()
    assert wire.turns()[1].body["message"] == "Where is my order?"


async def test_an_offer_is_confirmed_by_its_id(page: Page, wire: Wire) -> None:
    arguments = {"order_id": "100234", "quantity": 1}
    wire.scenes += [
        Stream((accepted(), done("Please confirm.", actions=[OFFER | {"arguments": arguments}]))),
        Stream((accepted(), done("Your return is started."))),
    ]
    await open_chat(page, wire)
    await say(page, "return it")
    await expect(page.locator(".offer strong")).to_have_text("Return order 100234")
    await expect(page.locator(".offer dt")).to_have_text(["quantity"])  # the number stands above
    await page.get_by_role("button", name="Confirm: Return order 100234").click()
    await expect(page.locator(".log .assistant .bubble").last).to_have_text("Your return is started.")
    assert wire.turns()[1].body == {"confirm": "act-1", "conversation_id": CONVERSATION}
    await expect(page.locator(".offer .confirm")).to_be_disabled()
    await expect(page.locator(".offer .ended")).to_have_count(0)


async def test_another_message_withdraws_an_offer_and_an_expired_one_is_dead(page: Page, wire: Wire) -> None:
    expired = OFFER | {"id": "act-2", "label": "Old", "expires_at": "2020-01-01T00:00:00Z"}
    wire.scenes += [
        Stream((accepted(), done("Please confirm.", actions=[OFFER, expired]))),
        Stream((accepted(), done("All right."))),
    ]
    await open_chat(page, wire)
    await say(page, "return it")
    await expect(page.get_by_role("button", name="Confirm: Old")).to_be_disabled()
    gone = "This offer has expired. Ask again if you still want it."
    await expect(page.locator(".offer .ended")).to_have_text([gone])
    await expect(page.get_by_role("button", name="Confirm: Return order 100234")).to_be_enabled()
    await say(page, "no, wait")
    await expect(page.get_by_role("button", name="Confirm: Return order 100234")).to_be_disabled()
    await expect(page.locator(".offer .ended")).to_have_text(["This offer is no longer open.", gone])


async def test_the_items_of_a_list_hang_together_and_are_copied_as_they_were_said(
    page: Page, wire: Wire
) -> None:
    text = "You might like:\n- Dune - a novel, by Frank Herbert\n- Emma\nAnything else?"
    wire.scenes.append(Stream((accepted(), done(text))))
    await open_chat(page, wire)
    await say(page, "books?")
    answer = page.locator(".log .assistant .bubble").last
    await expect(answer.locator(".item")).to_have_text(["- Dune - a novel, by Frank Herbert", "- Emma"])
    assert await answer.text_content() == text


async def test_a_rating_is_posted(page: Page, wire: Wire) -> None:
    wire.scenes.append(Stream((accepted(), done("Hello."))))
    await open_chat(page, wire)
    await say(page, "hi")
    await page.get_by_role("button", name="Bad answer").click()
    await expect(page.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "true")
    await expect(page.locator(".panel [role=status]")).to_have_text("Thank you for your feedback.")
    posted = next(request for request in wire.seen if request.path == "/api/v1/chat/feedback")
    assert posted.body == {"turn_id": TURN, "rating": "down"}
    assert posted.headers["x-csrf-token"] == "csrf-1"


async def test_a_person_can_be_asked_for_even_while_an_answer_is_running(page: Page, wire: Wire) -> None:
    handed = frame("handoff", handoff_id=TURN, state="queued")
    wire.scenes += [
        Stream((accepted(), HOLD, done("Hello."))),
        Stream((accepted(), handed, done("A colleague will be with you.", route="handoff"))),
    ]
    await open_chat(page, wire)
    await say(page, "hi")
    await page.get_by_role("button", name="Talk to a person", exact=True).click()
    wire.go.set()
    await expect(page.locator(".log .assistant .bubble").last).to_have_text("A colleague will be with you.")
    await expect(page.locator(".notice")).to_contain_text("A person has been asked to take over.")
    assert [turn.body["message"] for turn in wire.turns()] == ["hi", "Talk to a person"]


async def test_reduced_service_and_tools_are_said_aloud(page: Page, wire: Wire) -> None:
    reduced = frame("degraded", what="model away", instead="help pages")
    wire.scenes.append(
        Stream(
            (accepted(), reduced, frame("tool", name="order_status", state="started"), HOLD, done("Shipped."))
        )
    )
    await open_chat(page, wire)
    await say(page, "order?")
    await expect(page.locator(".notice.degraded")).to_have_text(REDUCED)
    await expect(page.locator(".panel [role=status]")).to_have_text("Looking that up…")
    wire.go.set()
    await expect(page.locator(".panel [role=status]")).to_have_text("")


async def test_a_long_answer_is_shown_from_its_beginning(page: Page, wire: Wire) -> None:
    lines = [f"Line {number} of a long answer." for number in range(60)]
    wire.scenes += [
        Stream((accepted(), frame("token", text="Line 0"), done("\n".join(lines)))),
        Stream((accepted(), done("Short."))),
    ]
    await open_chat(page, wire)
    await say(page, "tell me everything")
    long = page.locator(".log .assistant").last
    await expect(long.locator(".bubble")).to_contain_text("Line 59")
    scroller = await page.locator(".scroller").bounding_box()
    box = await long.bounding_box()
    assert scroller is not None
    assert box is not None
    assert -1 <= box["y"] - scroller["y"] < 20
    await page.locator(".scroller").evaluate("node => (node.scrollTop = node.scrollHeight)")
    await say(page, "and in short?")
    await expect(page.get_by_text("Short.")).to_be_in_viewport()


async def test_who_reads_further_up_is_left_there(page: Page, wire: Wire) -> None:
    lines = [f"Line {number} of a long answer." for number in range(60)]
    wire.scenes += [
        Stream((accepted(), done("\n".join(lines)))),
        Stream((accepted(), frame("token", text="On its "), HOLD, done("On its way."))),
    ]
    await open_chat(page, wire)
    await say(page, "tell me everything")
    await expect(page.locator(".log .assistant .bubble").last).to_contain_text("Line 59")
    await say(page, "and my order?")
    await expect(page.locator(".draft .bubble")).to_be_in_viewport()
    await page.locator(".scroller").evaluate("node => (node.scrollTop = 0)")
    wire.go.set()
    await expect(page.locator(".log .assistant .bubble").last).to_have_text("On its way.")
    assert await page.locator(".scroller").evaluate("node => node.scrollTop") == 0


async def test_what_is_said_on_the_way_to_a_person_is_not_rated(page: Page, wire: Wire) -> None:
    queued = frame("handoff", handoff_id=TURN, state="queued")
    wire.scenes += [
        Stream((accepted(), queued, done("Wait.", route="handoff"))),
        Stream((accepted(), done("Here I am."))),
    ]
    await open_chat(page, wire)
    await say(page, "a person, please")
    await expect(page.get_by_text("Wait.", exact=True)).to_be_visible()
    await expect(page.locator(".thumb")).to_have_count(0)
    await say(page, "hello?")
    await expect(page.locator(".thumb")).to_have_count(2)


async def test_markup_and_foreign_links_stay_text(page: Page, wire: Wire) -> None:
    evil = '<img src=x onerror="window.hit=1"><b>bold</b> https://evil.example/x javascript:alert(1)'
    hostile = SOURCE | {"title": evil, "quote": evil}
    stream = (accepted(), frame("token", text=evil), done(evil, citations=[hostile], suggestions=[evil]))
    wire.scenes.append(Stream(stream))
    await open_chat(page, wire)
    await say(page, evil)
    await expect(page.locator(".log .assistant .bubble").last).to_have_text(evil)
    await expect(page.locator(".log").locator("img, b, a")).to_have_count(0)
    assert await page.evaluate("window.hit") is None


async def test_only_secure_links_to_the_page_itself_become_links(page: Page, wire: Wire) -> None:
    await page.route(
        "https://shop.test/**", lambda route: route.fulfill(content_type="text/html", body="<p>shop")
    )
    source = await (await page.request.get(f"{wire.url}/widget/dom.js")).text()
    await page.goto("https://shop.test/")
    links = await page.evaluate(
        """async (source) => {
            const module = new Blob([source], { type: "text/javascript" });
            const { richText } = await import(URL.createObjectURL(module));
            const text = "see https://shop.test/faq or https://other.test/ or http://shop.test/faq";
            return richText(text).filter((part) => part instanceof Node).map((link) => link.href);
        }""",
        source,
    )
    assert links == ["https://shop.test/faq"]


async def test_an_offer_that_ran_out_says_so(page: Page, wire: Wire) -> None:
    await page.add_init_script("window.later = 0; const now = Date.now; Date.now = () => now() + later;")
    wire.scenes.append(Stream((accepted(), done("Shall I?", actions=[OFFER]))))
    await open_chat(page, wire)
    await say(page, "Return order 100234")
    confirm = page.get_by_role("button", name=f"Confirm: {OFFER['label']}")
    await expect(confirm).to_be_enabled()
    await page.evaluate("later = 1e13")
    await confirm.click()
    await expect(confirm).to_be_disabled()
    await expect(page.locator(".offer [role=status]")).to_have_text(
        "This offer has expired. Ask again if you still want it."
    )
    assert len(wire.turns()) == 1


async def test_a_rating_still_stands_after_a_reload(page: Page, wire: Wire) -> None:
    wire.scenes.append(Stream((accepted(), done("Five days."))))
    await open_chat(page, wire)
    await say(page, "How long?")
    await page.get_by_role("button", name="Bad answer").click()
    wire.history = [
        {"id": "m2", "turn_id": TURN, "role": "assistant", "text": "Five days.", "route": "faq"}
        | {"rating": "down"}
    ]
    await page.reload()
    await page.locator(".launcher").click()
    await expect(page.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "true")
    await expect(page.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "false")
