"""What goes on with a message before begins so, and an answer speaks of it only if it holds its words."""

from __future__ import annotations

import pytest

from desk.routing.follow_up import (
    asks_for_others,
    begins_like_one,
    points_back,
    says_nothing_alone,
    speaks_of,
)

RETURNS = (
    "You can return unread books within 30 days after delivery; e-books and gift cards cannot be returned."
)
COST = "Standard shipping costs $4.95 and is free from $35. Express shipping costs $12.95."


@pytest.mark.parametrize(
    "message",
    [
        *("and to Canada?", "what about express?", "And for books?", "to Japan?", "but with paypal?"),
        *("und nach Kanada?", "was ist mit Express?", "et pour le Canada ?", "¿y para Canadá?"),
        *("e per il Canada?", "en naar Canada?", "e para o Canadá?"),
    ],
)
def test_a_follow_up_is_told_by_its_beginning(message: str) -> None:
    assert begins_like_one(message)


@pytest.mark.parametrize(
    "message",
    [
        *(
            "hi",
            "thanks",
            "",
            "?",
            "How long does shipping take?",
            "andy",
            "Wo ist meine Bestellung?",
            "enough",
        ),
        "and I would like to know all about the returns of books that I have read",
    ],
)
def test_what_begins_otherwise_or_is_long_is_none(message: str) -> None:
    assert not begins_like_one(message)


@pytest.mark.parametrize(
    "message", ["and for e-books?", "what about gift cards?", "and books?", "and delivery?"]
)
def test_an_answer_speaks_of_what_it_names(message: str) -> None:
    assert speaks_of(RETURNS, message)


@pytest.mark.parametrize(
    "message", ["and to Canada?", "and gift wrapping?", "and then?", "and that?", "and why?"]
)
def test_it_does_not_speak_of_anything_else_nor_of_nothing(message: str) -> None:
    assert not speaks_of(RETURNS, message)


def test_who_asks_for_a_price_needs_one_in_the_answer() -> None:
    assert speaks_of(COST, "and how much is express?")
    assert speaks_of(COST, "und was kostet das?")
    assert not speaks_of(RETURNS, "and how much is that?")
    assert not speaks_of(COST, "and how much to Canada?")


@pytest.mark.parametrize(
    ("message", "nothing_alone"),
    [
        ("what's in it?", True),
        ("how much is it?", True),
        ("cheaper", True),
        ("which is the cheapest?", True),
        ("something else", True),
        ("more", True),
        ("was kostet das?", True),
        ("autre chose ?", True),
        ("can I return it?", False),
        ("is it late?", False),
    ],
)
def test_a_few_words_point_back(message: str, *, nothing_alone: bool) -> None:
    assert points_back(message)
    assert says_nothing_alone(message) == nothing_alone


@pytest.mark.parametrize(
    "message",
    ["where is my order?", "tell me more", "how much is shipping?", "haben Sie Dune?", "", "es gibt Bücher"],
)
def test_what_names_its_thing_points_at_nothing(message: str) -> None:
    assert not points_back(message)
    assert not says_nothing_alone(message)


def test_a_long_message_points_at_nothing() -> None:
    assert not points_back("is it possible to pay with a card from abroad")


@pytest.mark.parametrize(
    ("message", "others"),
    [("something else", True), ("any others?", True), ("more please", True), ("cheaper", False)],
)
def test_others_are_told_from_the_same(message: str, *, others: bool) -> None:
    assert asks_for_others(message) == others
