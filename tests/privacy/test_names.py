"""Names that nothing announces: the tagger finds them, and leaves a shop's everyday words alone."""

from __future__ import annotations

import base64
import time

import pytest

from desk.privacy.detect import detect
from desk.privacy.names.tagger import WEIGHTS, find_names
from desk.privacy.names.words import LISTS, fold, kind, read_words


def people(text: str, allowed_terms: frozenset[str] = frozenset()) -> list[str]:
    return [span.value for span in detect(text, allowed_terms=allowed_terms) if span.type == "PERSON"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("can my wife Jessica pick it up tomorrow", ["Jessica"]),
        ("my colleague Priya Raghunathan will call you", ["Priya Raghunathan"]),
        ("I spoke to Siobhán O'Connor about this yesterday", ["Siobhán O'Connor"]),
        ("the parcel is for brent masterson, not for me", ["brent masterson"]),
        ("Wo ist mein Paket? Gruß, Hans Müller", ["Hans Müller"]),
        ("Je voudrais annuler ma commande, merci, Jean Dupont", ["Jean Dupont"]),
    ],
)
def test_names_are_found_by_the_words_around_them(text: str, names: list[str]) -> None:
    assert people(text) == names


@pytest.mark.parametrize(
    "text",
    [
        "hi, where is my order 100234?",
        "When is Black Friday and do you ship to Canada?",
        "I paid with PayPal and it says Declined",
        "THANKS FOR NOTHING",
        "can I return a gift card I bought in March",
        "Ich möchte meine Bestellung stornieren, die Lieferung kam nicht",
        "¿Dónde está mi pedido? No ha llegado todavía",
    ],
)
def test_what_shops_talk_about_is_left_alone(text: str) -> None:
    assert people(text) == []


def test_a_catalogues_own_words_are_no_persons() -> None:
    text = "do you sell Emma by Jane Austen?"
    assert people(text)
    assert people(text, allowed_terms=frozenset({"emma", "jane austen"})) == []


@pytest.mark.parametrize("hidden", ["Patricia Wilson", "ada@example.com", "my card is 4111 1111 1111 1111"])
def test_base64_hides_nothing(hidden: str) -> None:
    word = base64.b64encode(hidden.encode()).decode()
    [span] = detect(f"the code is {word} ok")
    assert span.value == word


def test_words_that_are_no_base64_stay() -> None:
    assert detect("the internationalization of your page, dGhlIHdlYXRoZXI=") == []


def test_the_lists_are_folded_sorted_words() -> None:
    for name in LISTS:
        words = list(read_words(name))
        assert len(words) > 10_000
        assert words == sorted(set(words))
        assert all(word == fold(word) for word in words)
    assert [kind(word) for word in ("thomas", "order", "zzyzx")] == ["fl", "c", "n"]
    assert WEIGHTS.stat().st_size < 40_000


def test_hostile_text_takes_linear_time() -> None:
    took = []
    for pieces in (1_000, 8_000):
        text = "Mary O'Mary'Mary-Mary Ab1 " * pieces
        began = time.process_time()
        list(find_names(text))
        took.append(time.process_time() - began)
    assert took[1] < took[0] * 24 + 0.1, "eight times the text"
