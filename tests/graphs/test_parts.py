"""A message with several wishes: each is answered, in order; what leads to a person is never lost in one."""

from __future__ import annotations

from typing import Any

import pytest

from desk.domain import Principal
from desk.events import Cited
from desk.models.scripted import ScriptedAnswer
from graphs.replays.recorded import open_turn
from graphs.services import Services
from tests.graphs.conversing import POINTS, POINTS_ANSWER, Customer

SHIPPING = "Standard shipping takes 5-7 business days"
RETURNS = "You can return unread books within 30 days"
ASK_AGAIN = "After that, please ask me again"
UNKNOWN = "I do not know an answer to"


async def said(customer: Customer, message: str) -> dict[str, Any]:
    """What a new conversation with this message is told."""
    customer.conversation = None
    reply: dict[str, Any] = (await customer.say(message)).reply["reply"]
    return reply


async def test_an_order_and_a_question_are_both_answered_in_the_order_asked(ada: Customer) -> None:
    told = await ada.say("Where is my order 100234 and how long does shipping take?")
    reply = told.reply["reply"]
    assert (reply["route"], reply["intent"]) == ("order", "order_status")
    assert reply["text"].index("Order 100234 is: shipped") < reply["text"].index(SHIPPING)
    assert told.shown == reply["text"]
    assert told.nodes[-4:] == ["lookup_order", "answer_parts", "canned_reply", "answer_parts"]
    assert await ada.history() == [
        "Where is my order 100234 and how long does shipping take?",
        reply["text"],
    ], "one message, one answer"


async def test_a_greeting_is_no_wish_of_its_own(ada: Customer) -> None:
    reply = await said(ada, "hi, what's your return policy? also recommend me a mystery")
    assert (reply["route"], reply["intent"]) == ("canned", "returns")
    assert reply["text"].startswith(RETURNS)
    assert reply["text"].count("\n- ") == 3
    alone = await said(ada, "hi, what's your return policy?")
    assert alone["text"].startswith(RETURNS)
    assert alone["intent"] == "returns"


async def test_the_sources_of_all_parts_are_cited(ada: Customer) -> None:
    ada.conversation = None
    told = await ada.say("do you ship to Canada? Also, do you sell gift cards?")
    cited = [one["source_id"] for one in told.reply["reply"]["citations"]]
    assert cited == ["shipping-international", "gift-card-buy"]
    assert [event.citation.source_id for event in told.of(Cited)] == cited
    for citation in told.reply["reply"]["citations"]:
        assert citation["quote"] in told.text


@pytest.mark.parametrize(
    "message",
    [
        "How long does shipping take? And can I talk to a person please?",
        "I want to talk to a human, and what is your return policy?",
        "A gift for a person: do you wrap gifts, and may I speak to an agent?",
        # Heard in the part alone: neither the whole nor the trained router tells it.
        "Not a bot, and how long does shipping take?",
        "A real person! How long does shipping take?",
    ],
)
async def test_who_asks_for_a_person_in_any_part_gets_one(ada: Customer, message: str) -> None:
    reply = await said(ada, message)
    assert (reply["route"], reply["intent"]) == ("handoff", "human")
    assert SHIPPING not in reply["text"]
    assert RETURNS not in reply["text"]


async def test_an_action_comes_first_and_alone_and_the_rest_is_not_forgotten(ada: Customer) -> None:
    reply = await said(ada, "how much is shipping and I want to return order number 100234")
    assert reply["intent"] == "start_return"
    assert "$4.95" not in reply["text"]
    assert reply["text"].endswith(f'{ASK_AGAIN}: "how much is shipping"')


async def test_a_part_that_nobody_can_answer_is_told_with_a_way_out(ada: Customer) -> None:
    reply = await said(
        ada, "How long does shipping take? What is your return policy? Who won the cup in 1954?"
    )
    assert SHIPPING in reply["text"]
    assert RETURNS in reply["text"]
    assert f'{UNKNOWN} "Who won the cup in 1954?"' in reply["text"]
    assert "Talk to a person" in reply["suggestions"]


async def test_of_many_wishes_three_are_answered_and_the_rest_is_asked_for_again(ada: Customer) -> None:
    reply = await said(
        ada,
        "How long does shipping take? What is your return policy? Which cards do you take? "
        "Do you wrap gifts?",
    )
    assert all(part in reply["text"] for part in (SHIPPING, RETURNS, "Visa"))
    assert reply["text"].endswith(f'{ASK_AGAIN}: "Do you wrap gifts?"')


async def test_a_model_gets_the_whole_message_if_a_part_needs_it(ada: Customer) -> None:
    model = ada.script(POINTS_ANSWER)
    message = f"How long does shipping take? What is your return policy? {POINTS}"
    reply = await said(ada, message)
    assert (reply["route"], reply["text"]) == ("model", POINTS_ANSWER)
    assert message in str(model.requests[-1].messages[-1])
    ada.script(ScriptedAnswer("You have 999 points."))
    rejected = await said(ada, message)
    assert rejected["route"] == "canned", "what is known is told although the model did not help"
    assert rejected["text"].startswith(SHIPPING)
    assert "100 points are worth $5" in rejected["text"]
    assert UNKNOWN not in rejected["text"]


async def test_a_model_is_not_asked_for_what_is_known_without_it(ada: Customer) -> None:
    model = ada.script("Never said.")
    reply = await said(ada, "How long does shipping take? And what is your return policy?")
    assert SHIPPING in reply["text"]
    assert model.requests == []


async def test_a_personal_value_in_a_part_stays_a_pseudonym(ada: Customer) -> None:
    message = (
        "My mail is ada.hidden@example.org, where is order 100234? And who is jo.hidden@example.org to you?"
    )
    turn = await ada.accepted(f"{message} What is your return policy?")
    told = await ada.run(turn)
    stored = await ada.history()
    assert "hidden@" not in "".join(stored)
    recorded = await open_turn(
        ada.services, Principal(ada.tenant.id, "admin"), ada.tenant, turn.claim.turn_id
    )
    assert "parts" in str(recorded.steps)
    assert "hidden@" not in str(recorded.steps)
    assert "jo.hidden@example.org" in told.text, "the customer is told their own words"


async def test_a_number_that_one_part_asks_for_is_waited_for(bookshop: Services) -> None:
    guest = await Customer.of(bookshop, "nobody@example.com")
    asked = await guest.say("Where is my order? What is your return policy?")
    assert "What is your order number?" in asked.text
    assert RETURNS in asked.text
    answered = await guest.say("999999")
    assert answered.reply["reply"]["route"] == "order"
    assert "could not find order 999999" in answered.text


async def test_somebody_elses_order_in_a_part_is_not_found(ada: Customer) -> None:
    reply = await said(ada, "How long does shipping take and where is order 100235?")
    assert SHIPPING in reply["text"]
    assert "could not find order 100235" in reply["text"]
    assert "processing" not in reply["text"]


async def test_why_it_was_heard_so_is_noted(ada: Customer) -> None:
    turn = await ada.accepted("do you wrap gifts and can I pay with paypal?")
    await ada.run(turn)
    recorded = await open_turn(
        ada.services, Principal(ada.tenant.id, "admin"), ada.tenant, turn.claim.turn_id
    )
    step = next(one for one in recorded.steps if one["node"] == "route_intent")
    assert step["noted"]["heard"] == "as 2 wishes"
    assert step["update"]["decision"]["because"] == "wish 1 of 2: nearest examples"
    assert [one["decision"]["intent"] for one in step["update"]["parts"]] == ["gift_wrapping", "payment"]
