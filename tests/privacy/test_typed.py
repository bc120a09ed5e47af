"""Values typed in haste, without capitals or stops, are found; ordinary words and numbers are left alone."""

from __future__ import annotations

import time

import pytest

from desk.privacy.detect import detect
from desk.privacy.pseudonyms import scrub
from desk.privacy.typed.tagger import WEIGHTS, find_typed
from desk.privacy.typed.words import FEATURES, Words
from desk.privacy.vaults import Vault


def found(text: str, *order_patterns: str) -> list[tuple[str, str]]:
    return [(span.type, span.value) for span in detect(text, order_patterns=order_patterns)]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("my new address is 48 quarry lane dover de 19901", "ADDRESS", "48 quarry lane dover de 19901"),
        ("please deliver to 9 cobbler street boise id 83702", "ADDRESS", "9 cobbler street boise id 83702"),
        ("my city is tulsa and the zip is 74103", "ADDRESS", "74103"),
        ("name is leonie and my mobile number 4155550137", "PHONE", "4155550137"),
        ("i am petra and the account number is 6621", "ACCOUNT_NUMBER", "6621"),
        ("the booking number is g 4 k 9 t 2", "BOOKING_REF", "g 4 k 9 t 2"),
        ("confirmation no wqx 318", "BOOKING_REF", "wqx 318"),
        ("my reservation code is HX4821", "BOOKING_REF", "HX4821"),
        ("i am petra and my password is fern 902", "PASSWORD", "fern 902"),
    ],
)
def test_what_is_typed_in_haste_is_found(text: str, kind: str, value: str) -> None:
    assert (kind, value) in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "i want 2 large lamps and 3 small ones",
        "it was 45 dollars last week and now it is 60",
        "can you deliver on 14 march at 6 pm",
        "my order has not arrived, it was due 12 May 2026",
        "how long does shipping to canada take",
        "my booking is for 2 people in 3 weeks",
        "the confirmation came 2 days ago",
        "i read chapter 12 of the second book",
        "do you have it in size 42",
        "where is my parcel it left 5 days ago",
        "thank you so much that was quick",
        "it was placed on 2026-11-10 and shipped on 2026-11-12 10:30",
        "my address changed in 3 places",
        "the booking number has 6 digits",
        "order number 100 234 please",
        "where is order no 100 234",
    ],
)
def test_ordinary_talk_is_left_alone(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize("text", ["booking number 458998", "its 458998", "my order 458998 and order 458999"])
def test_a_number_of_the_tenant_survives(text: str) -> None:
    assert found(text, r"\d{6}") == []


@pytest.mark.parametrize("text", ["my pin is a 1", "account no 12", "the zip is 7"])
def test_what_stands_in_any_text_is_not_guessed(text: str) -> None:
    assert [value for kind, value in found(text) if kind in {"ADDRESS", "ACCOUNT_NUMBER"}] == []


def test_the_words_of_the_shop_are_not_guessed_at() -> None:
    text = "yes it is tulsa ok 74103"
    assert scrub(text, Vault()).text == text
    assert scrub(text, Vault(), guess=True).text == "yes it is tulsa ok [ADDRESS_1]"


def test_an_address_in_two_findings_is_one_value() -> None:
    [(kind, value)] = found("please send it to 71 tanner street dover de 19901")
    assert (kind, value) == ("ADDRESS", "71 tanner street dover de 19901")


@pytest.mark.parametrize(
    "text", ["wo ist mein paket", "je voudrais annuler ma commande", "quiero devolver la lampara"]
)
def test_it_does_not_read_other_languages(text: str) -> None:
    assert list(find_typed(text)) == []


def test_a_text_without_words_has_no_features() -> None:
    assert list(find_typed(" \t")) == []
    assert Words("one two").features().max() < FEATURES
    assert WEIGHTS.stat().st_size < 80_000


@pytest.mark.parametrize("piece", ["a 1 ", "street ", "my pin is a 1 b 2 ", "é", "jo 1 elm street "])
def test_hostile_text_takes_linear_time(piece: str) -> None:
    took = []
    for length in (2_000, 16_000):
        began = time.process_time()
        list(find_typed((piece * length)[:length]))
        took.append(time.process_time() - began)
    assert took[1] < took[0] * 24 + 0.1, "eight times the text"
