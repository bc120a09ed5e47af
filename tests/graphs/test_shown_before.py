"""A few words point at what was shown: the books, or the order, and never at something else."""

from __future__ import annotations

import pytest

from tests.graphs.conversing import Customer


async def answers(customer: Customer, *messages: str) -> list[dict[str, str]]:
    customer.conversation = None
    return [(await customer.say(message)).reply["reply"] for message in messages]


@pytest.mark.parametrize("message", ["what's in it?", "who's the carrier?", "is it late?"])
async def test_it_is_the_order_that_was_shown(ada: Customer, message: str) -> None:
    _, after = await answers(ada, "where is order 100234", message)
    assert after["intent"] == "order_status"
    assert "100234" in after["text"]
    (alone,) = await answers(ada, message)
    assert alone["route"] == "fallback"


async def test_what_asks_for_something_of_its_own_is_answered_for_itself(ada: Customer) -> None:
    _, after = await answers(ada, "where is order 100234", "can I return it?")
    assert after["intent"] == "returns"


@pytest.mark.parametrize("message", ["how much is it?", "is it in stock?"])
async def test_it_is_the_book_that_was_shown(ada: Customer, message: str) -> None:
    _, after = await answers(ada, "do you have Dune", message)
    assert after["text"] == "Dune by Frank Herbert is in stock, $14.99."


async def test_cheaper_ones_are_of_the_same_kind_and_what_was_shown_is_not_shown_as_others(
    ada: Customer,
) -> None:
    first, cheaper, others = await answers(ada, "recommend me a mystery", "cheaper", "something else")
    assert cheaper["text"].splitlines()[1].endswith("$7.99 (mystery)")
    shown = {line for answer in (cheaper, others) for line in answer["text"].splitlines()[1:]}
    assert len(shown) == 6
    assert all(line.endswith("(mystery)") for line in shown)
    assert first["route"] == others["route"] == "product"


async def test_a_misspelled_genre_is_found(ada: Customer) -> None:
    (reply,) = await answers(ada, "recomend me a thriler")
    assert all(line.endswith("(thriller)") for line in reply["text"].splitlines()[1:])


async def test_more_of_them_are_others(ada: Customer) -> None:
    first, more = await answers(ada, "recommend me a thriller", "more")
    assert more["route"] == "product"
    assert not set(first["text"].splitlines()[1:]) & set(more["text"].splitlines()[1:])


async def test_what_it_costs_belongs_to_the_book_in_the_same_message(ada: Customer) -> None:
    (reply,) = await answers(ada, "is The Hobbit in stock, and what does it cost?")
    assert reply["text"] == "The Hobbit by J. R. R. Tolkien is in stock, $11.99."
    (reply,) = await answers(ada, "How long does shipping take and what does it cost?")
    assert "5-7 business days" in reply["text"]
    assert "$4.95" in reply["text"]
