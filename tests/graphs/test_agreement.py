"""A FAQ whose own question has the message's intent is sooner an answer than one that asks for another."""

from __future__ import annotations

import pytest

from desk.retrieval.search import DEFAULT_THRESHOLD
from graphs.hearing.agreement import AGREED, DISAGREED
from tests.graphs.conversing import Customer


async def reply(customer: Customer, message: str) -> dict[str, object]:
    customer.conversation = None
    found: dict[str, object] = (await customer.say(message)).reply["reply"]
    return found


async def cited(customer: Customer, message: str) -> list[str]:
    citations = (await reply(customer, message))["citations"]
    assert isinstance(citations, list)
    return [citation["source_id"] for citation in citations]


@pytest.mark.parametrize(
    ("message", "faq"),
    [
        ("is shipping abroad free?", "shipping-international"),
        ("can I reserve a book that's not out yet", "preorder"),
    ],
)
async def test_what_is_asked_for_comes_before_what_is_a_little_nearer(
    ada: Customer, message: str, faq: str
) -> None:
    nearest = await ada.services.engine.faqs(ada.principal, message, limit=1)
    assert nearest[0].source_id != faq
    assert await cited(ada, message) == [faq]


@pytest.mark.parametrize(
    ("message", "faq"),
    [
        ("my payment keeps failing", "payment-declined"),
        ("what do you know about me", "account-data"),
        ("a receipt for my expense report please", "payment-invoice"),
    ],
)
async def test_where_both_agree_less_is_enough(ada: Customer, message: str, faq: str) -> None:
    [found] = [
        passage
        for passage in await ada.services.engine.faqs(ada.principal, message, limit=5)
        if passage.source_id == faq
    ]
    assert DEFAULT_THRESHOLD - AGREED <= found.score < DEFAULT_THRESHOLD
    assert await cited(ada, message) == [faq]


async def test_where_they_do_not_more_is_needed(ada: Customer) -> None:
    [nearest] = await ada.services.engine.faqs(ada.principal, "do you sell calendars", limit=1)
    assert DEFAULT_THRESHOLD <= nearest.score < DEFAULT_THRESHOLD + DISAGREED
    assert (await reply(ada, "do you sell calendars"))["route"] == "fallback"


async def test_each_wish_is_weighed_by_itself(ada: Customer) -> None:
    message = "I'd like 30 copies for a book club, is there a discount?"
    assert await cited(ada, message) == ["order-bulk", "discount-student"]
