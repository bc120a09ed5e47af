"""What of the things that were shown a message means, in seven languages."""

from __future__ import annotations

import pytest

from desk.routing.shown import asks_its_course, means_what_was_shown, which_listed


@pytest.mark.parametrize(
    ("message", "places"),
    [
        *(("the first one", (0,)), ("How much is the 2nd?", (1,)), ("number 3 please", (2,))),
        *(("the last book", (2,)), ("the first and the third one", (0, 2))),
        *(("das zweite bitte", (1,)), ("Was kostet der letzte?", (2,)), ("le troisième", (2,))),
        *(("la primera", (0,)), ("il secondo", (1,)), ("de tweede", (1,)), ("o último", (2,))),
    ],
)
def test_a_place_in_the_list_is_told(message: str, places: tuple[int, ...]) -> None:
    assert which_listed(message, 3) == places


@pytest.mark.parametrize("message", ["first, a question", "one second please", "at last", "order 2", ""])
def test_what_is_no_place_is_none(message: str) -> None:
    assert which_listed(message, 3) == ()


def test_a_place_that_the_list_has_not_is_none() -> None:
    assert which_listed("the third one", 2) == ()
    assert which_listed("the last one", 0) == ()


@pytest.mark.parametrize("message", ["is it in stock?", "how much are they", "kann ich das lesen? dit?"])
def test_what_was_shown_is_meant(message: str) -> None:
    assert means_what_was_shown(message)
    assert not means_what_was_shown("is Dune in stock?")


@pytest.mark.parametrize(
    "message",
    [
        *("when does it arrive", "When will it be delivered?", "has it shipped yet", "is it on its way"),
        *("when will I get it", "where is it now?", "wann kommt es an?", "wo ist sie?", "Ist es unterwegs?"),
        *("quand arrive-t-elle ?", "où est-il ?", "¿cuándo llega?", "quando arriva?", "wanneer komt het?"),
        "quando chega?",
    ],
)
def test_when_a_thing_comes_is_asked(message: str) -> None:
    assert asks_its_course(message)


@pytest.mark.parametrize(
    "message",
    [
        *("can I return it", "how much is it", "where are you located", "when do you open"),
        *("wann habt ihr geöffnet?", "does it come in blue wrapping with a card and a ribbon for an aunt"),
        "",
    ],
)
def test_what_asks_something_else_asks_no_course(message: str) -> None:
    assert not asks_its_course(message)
