"""Countries are told by their names in seven languages, and an answer by what it says of them."""

from __future__ import annotations

import pytest

from desk.routing.places import name_of, places_asked, places_in, speaks_of_places


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("how long does it take to Canada?", {"ca"}),
        ("nach Österreich und in die Schweiz", {"at", "ch"}),
        ("livraison aux États-Unis", {"us"}),
        ("envío a España", {"es"}),
        ("to the UK and overseas", {"gb", "abroad"}),
        ("Canadian books about whales", set()),
        ("let us know", set()),
        ("", set()),
    ],
)
def test_countries_are_named(text: str, places: set[str]) -> None:
    assert places_in(text) == places


@pytest.mark.parametrize(
    ("text", "places"),
    [("to Canada", {"ca"}), ("delivery within the US", set()), ("Versand innerhalb Deutschlands", set())],
)
def test_what_holds_within_a_country_is_asked_of_none(text: str, places: set[str]) -> None:
    assert places_asked(text) == places


@pytest.mark.parametrize(
    ("answer", "place", "speaks"),
    [
        ("We ship to Canada and Japan.", "ca", True),
        ("We ship to the European Union.", "de", True),
        ("We ship to the European Union.", "gb", False),
        ("International parcels take 10 days.", "br", True),
        ("Standard shipping takes 5 days.", "ca", False),
        ("Returns within the United States are free, from abroad they are not.", "jp", True),
    ],
)
def test_an_answer_speaks_of_a_country(answer: str, place: str, *, speaks: bool) -> None:
    assert speaks_of_places(answer, frozenset({place})) == speaks


def test_every_place_has_an_english_name() -> None:
    assert [name_of(place) for place in ("at", "gb", "nl", "us")] == [
        "austria",
        "united kingdom",
        "netherlands",
        "united states",
    ]
