"""Follow-ups: a few words are understood with the message before, and what stands alone is left alone."""

from __future__ import annotations

from uuid import uuid4

import pytest

from desk.domain import TenantSettings
from desk.storage import tenants
from tests.graphs.conversing import Customer


async def test_an_answer_that_speaks_of_what_is_asked_now_is_given_again(ada: Customer) -> None:
    _, after = await ada.talk("What is your return policy?", "and for e-books?")
    assert (after["route"], after["intent"]) == ("canned", "returns")
    (alone,) = await ada.talk("and for e-books?")
    assert alone["intent"] != "returns", "with an empty window nothing goes on"


async def test_an_answer_that_does_not_speak_of_it_is_not_given_again(ada: Customer) -> None:
    _, after = await ada.talk("How long does shipping take?", "and to Canada?")
    assert after["route"] == "faq"
    assert "10-14 business days" in after["text"]


async def test_a_few_words_that_the_answer_spoke_of_are_no_subject_of_their_own(ada: Customer) -> None:
    _, after = await ada.talk("Wie kann ich etwas zurückgeben?", "und E-Books?")
    assert after["intent"] == "returns"


@pytest.mark.parametrize(
    ("before", "message"),
    [
        ("do you ship to Canada?", "and Germany?"),
        ("do you ship to Canada?", "and to Peru?"),
        ("¿cuánto cuesta el envío?", "¿y a México?"),
    ],
)
async def test_another_country_is_looked_up(ada: Customer, before: str, message: str) -> None:
    _, after = await ada.talk(before, message)
    assert after["route"] == "faq"
    assert "Yes, we ship to Canada" in after["text"]


async def test_who_knows_nothing_of_a_country_nor_of_anything_says_so(ada: Customer) -> None:
    async with ada.services.engine.database.control_tx() as tx:
        settings = TenantSettings(intent_pack="bookshop")
        shop = await tenants.create(tx, f"shop-{uuid4().hex}", "A shop", settings)
    stranger = await Customer.of(ada.services, "ada@example.com", shop.slug)
    first, after = await stranger.talk("do you ship to Canada?", "and Germany?")
    assert first["route"] == after["route"] == "fallback"


async def test_what_it_costs_is_asked_of_what_was_said_last(ada: Customer) -> None:
    _, after = await ada.talk("is there gift wrapping", "how much does that cost")
    assert after["intent"] == "gift_wrapping"


async def test_what_narrows_a_wish_belongs_to_all_that_was_wished_before(ada: Customer) -> None:
    asked = ("ich suche ein Geschenk für meine Oma, sie liebt Krimis", "unter 10 Euro", "noch billigere")
    _, cheaper, _ = await ada.talk(*asked)
    assert all("(mystery)" in line for line in cheaper["text"].splitlines()[1:])
    _, _, cheapest = await ada.talk("books about space", "with good reviews", "cheaper ones")
    assert cheapest["route"] == "product"


@pytest.mark.parametrize("message", ["and 100235?", "what about 100235?", "100235"])
async def test_another_order_is_looked_up_and_somebody_elses_is_not_found(
    ada: Customer, message: str
) -> None:
    first, after = await ada.talk("Where is my order 100234?", message)
    assert "shipped" in first["text"]
    assert after["route"] == "order"
    assert "could not find order 100235" in after["text"]
    assert "processing" not in after["text"]


async def test_another_product_is_searched_for_with_what_was_wished_before(ada: Customer) -> None:
    _, after = await ada.talk("recommend me a mystery", "and for less than $12?")
    assert after["route"] == "product"
    assert after["text"].count("\n- ") >= 1


@pytest.mark.parametrize(
    ("before", "message", "route"),
    [
        ("How long does shipping take?", "hi", "canned"),
        ("How long does shipping take?", "thanks", "canned"),
        ("How much is shipping?", "and how long does shipping take?", "canned"),
        ("What is your return policy?", "and can I talk to a person?", "handoff"),
        ("What is your return policy?", "and", "fallback"),
        ("What is your return policy?", "asdkjh qwe", "fallback"),
    ],
)
async def test_what_stands_alone_is_answered_alone(
    ada: Customer, before: str, message: str, route: str
) -> None:
    _, after = await ada.talk(before, message)
    (alone,) = await ada.talk(message)
    assert after["route"] == alone["route"] == route
    assert after["text"] == alone["text"]


async def test_why_it_was_understood_so_is_noted(ada: Customer) -> None:
    await ada.talk("Which cards do you take?")
    told = await ada.say("and gift cards?")
    assert told.reply["reply"]["intent"] == "payment"
