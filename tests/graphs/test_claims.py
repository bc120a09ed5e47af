"""The claim gate: what holds passes, what does not is caught, however the text comes and whatever it is."""

from __future__ import annotations

import re
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphs.grounding.claims import ClaimGate, Source, Sources, may_claim
from graphs.grounding.leaks import Secret
from graphs.grounding.sentences import split_sentences
from prompts.loader import load_prompt
from prompts.replies import all_phrases
from tests.graphs.claim_cases import (
    FRESH_HOLD,
    FRESH_WRONG,
    GIFTS_HOLD,
    GIFTS_WRONG,
    HOLDS,
    OTHERS_HOLD,
    OTHERS_WRONG,
    WRONG,
)
from tests.graphs.claim_pages import GIFTS, OTHERS, PAGES, claims_of

TABLES = {
    "pages": (PAGES, HOLDS, WRONG),
    "gifts": (GIFTS, GIFTS_HOLD, GIFTS_WRONG),
    "others": (OTHERS, OTHERS_HOLD, OTHERS_WRONG),
    "fresh": (OTHERS, FRESH_HOLD, FRESH_WRONG),
}
# What the rules cannot tell.
KNOWN_MISSES = {
    "Returns cost $4.95.",
    "We do not sell new books.",
    "Ihr Paket wartet 14 Tage an der Abholstelle.",  # what a number is bound to is not told across languages
}
KNOWN_REFUSALS = {"Your card isn't charged before the parcel is dispatched."}

ANSWERS = st.lists(st.sampled_from([*HOLDS, *WRONG, "\n", "1. First", "Fine.", "[EMAIL_1]", "e.g. so"])).map(
    " ".join
)
TEXTS = st.one_of(ANSWERS, st.text(alphabet="ab 1.,\n$[]not-€5'", max_size=80), st.text(max_size=60))


def test_of_all_cases_nearly_all_are_told_rightly() -> None:
    """Of each kind at least 95 % over all tables, and no more is missed than what is known to be."""
    hold = [(answer, sources) for sources, answers, _ in TABLES.values() for answer in answers]
    wrong = [(answer, sources) for sources, _, answers in TABLES.values() for answer in answers]
    refused = [answer for answer, sources in hold if claims_of(answer, sources)]
    missed = [answer for answer, sources in wrong if not claims_of(answer, sources)]
    assert set(missed) <= KNOWN_MISSES
    assert set(refused) <= KNOWN_REFUSALS
    assert len(refused) <= 0.05 * len(hold)
    assert len(missed) <= 0.05 * len(wrong)


def run(text: str, cuts: list[int]) -> tuple[str, list[str]]:
    """What the gate shows of a text that comes in these pieces, and what it refused."""
    gate = ClaimGate(PAGES)
    edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    shown = "".join(gate.feed(text[start:end]) for start, end in pairwise(edges))
    return shown + gate.finish(), gate.rejected


@given(text=TEXTS, cuts=st.lists(st.integers(0, 200), max_size=30))
@settings(max_examples=150, deadline=None)
def test_the_cuts_change_nothing_and_no_claim_without_a_source_comes_out(text: str, cuts: list[int]) -> None:
    shown, rejected = run(text, cuts)
    assert (shown, rejected) == run(text, [])
    assert (shown, rejected) == run(text, list(range(len(text))))
    assert text.strip().startswith(shown)
    assert rejected or shown == text.strip()
    assert claims_of(shown, PAGES) == []


@given(text=ANSWERS)
@settings(max_examples=100, deadline=None)
def test_whatever_lacks_a_source_was_held(text: str) -> None:
    """The signs by which the gate holds a sentence are never narrower than the claims that it checks."""
    for sentence in text.splitlines():
        assert bool(PAGES.lacks(sentence)) <= (bool(claims_of(sentence, PAGES)) or "." in sentence)


@pytest.mark.parametrize("answer", [answer for answer in WRONG if answer not in KNOWN_MISSES])
def test_no_part_of_a_wrong_claim_is_shown(answer: str) -> None:
    shown, _ = run(answer, list(range(len(answer))))
    assert not re.search(r"\d|evil|\bnot\b|n't|tomorrow|half", shown)


@given(
    words=st.lists(
        st.sampled_from(["we", "are", "happy", "to", "help", "you", "with", "books", "gladly,", "too"]),
        max_size=40,
    )
)
def test_text_without_claims_is_at_most_one_word_late(words: list[str]) -> None:
    gate, shown = ClaimGate(PAGES), ""
    for index, word in enumerate(words):
        shown += gate.feed(f" {word}" if index else word)
        assert shown == " ".join(words[:index])
    assert shown + gate.finish() == " ".join(words)


@pytest.mark.parametrize(
    ("answer", "sentences"),
    [
        ("We open at 9 a.m. on Monday. Fine.", 2),
        ("Dune is $12.49, e.g. as a gift. Fine.", 2),
        ("1. Open it\n2. Close it\n", 2),
        ("Der 20. November. Fein.", 2),
        ("Is it? Yes! Good… so.", 4),
        ('He said "no." Then left.', 2),
    ],
)
def test_sentences_end_where_a_reader_ends_them(answer: str, sentences: int) -> None:
    assert len(split_sentences(answer)) == sentences


@pytest.mark.parametrize(
    "unit",
    [
        "1",
        "1 ",
        "no ",
        "a ",
        "(",
        "1,",
        "[EMAIL_1] ",
        "not 5 days, ",
        "a.b",
        "twenty ",
        "5 to ",
        "x@",
        "\n1. ",
    ],
)
def test_hostile_text_takes_linear_time(unit: str) -> None:
    def seconds(length: int) -> float:
        gate, text = ClaimGate(PAGES), (unit * length)[:length]
        began = time.process_time()
        for start in range(0, length, 7):
            gate.feed(text[start : start + 7])
        gate.finish()
        return time.process_time() - began

    PAGES.prepare()
    short = min(seconds(5_000) for _ in range(2))
    assert min(seconds(20_000) for _ in range(2)) < 8 * short + 0.1


def test_a_link_of_a_source_passes_only_as_a_whole() -> None:
    sources = Sources((Source("See https://bookshop.example/help or write to help@bookshop.example."),))
    assert claims_of("See https://bookshop.example/help.", sources) == []
    assert claims_of("Write to help@bookshop.example!", sources) == []
    for wrong in (
        "https://bookshop.example/hel",
        "https://bookshop.example/help/x",
        "https://bookshop.example",
        "//bookshop.example/help",
        "https://bookshop.example.evil.com/help",
        "elp@bookshop.example",
        "javascript:alert(1)",
        "<img src=//evil.example/p.png>",
        "evil.zip",
        "evil.xn--p1ai",
        "[here](/pay)",
    ):
        assert claims_of(f"See {wrong} now.", sources), wrong


def test_no_link_stands_in_the_words_of_a_tool() -> None:
    words = "1 x Go to https://evil.example/x now."
    assert claims_of("See https://evil.example/x.", Sources((Source(words),))) == []
    assert claims_of("See https://evil.example/x.", Sources((Source(words, outside=True),)))


def test_tens_in_words_are_claims_in_every_language() -> None:
    for wrong in ("Sie bekommen neunzig Prozent.", "Vous avez quarante euros.", "Il vous reste septante."):
        assert claims_of(wrong, Sources(())), wrong


@pytest.mark.parametrize(
    ("sentence", "may"),
    [("Gladly.", False), ("It ships within one business day.", True), ("We do not ship books there.", True)],
)
def test_a_sentence_without_a_claim_need_not_be_looked_up(sentence: str, may: bool) -> None:
    assert may_claim(sentence) is may


def test_the_places_of_claims_are_told() -> None:
    assert PAGES.places_of("Standard shipping costs $4.95.") == {1}
    assert PAGES.places_of("Your order 100234 was placed on 10 November 2026.") == {10}
    assert PAGES.places_of("Gladly.") == frozenset()


def test_everyday_phrases_are_no_quotes_and_long_ones_are() -> None:
    secret = Secret(load_prompt("support").text, known=[all_phrases("en")])
    assert not claims_with(
        secret, "Please send the order number together with the e-mail address or postcode."
    )
    assert claims_with(secret, load_prompt("support").text[200:400])
    assert claims_with(secret, load_prompt("support").text[200:244])
    assert claims_with(secret, "".join(load_prompt("support").text[200:400].split()).replace(".", " "))


def claims_with(secret: Secret, text: str) -> list[str]:
    gate = ClaimGate(Sources(()), secret)
    gate.feed(text)
    gate.finish()
    return gate.rejected
