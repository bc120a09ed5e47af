"""Hostile text of any form costs time in proportion to its length."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desk.privacy.detect import detect
from desk.privacy.pseudonyms import Vault, restore, scrub

LENGTH = 65_536
PIECES = [
    *(
        "a",
        "1",
        "a@",
        "a.",
        "a ",
        "4 ",
        "1-",
        "1.",
        "1 ",
        "+",
        "+1 ",
        "(",
        "[",
        "%",
        "%41",
        "&#65;",
        ":",
        "1::",
        "#1",
        "'a",
    ),
    *(
        "111111 ",
        "555-123-4567 ",
        "0123456789 ",
        "4111 1111 1111 1112 ",
        "DE11 ",
        "GB82",
        "ssn lll ",
        "order 123, ",
    ),
    *(
        "phone ",
        "my name is Aa ",
        "Mr. ",
        "Aa ",
        "address: 1 ",
        "1 rue a ",
        "unit 1,",
        "1 st ",
        "born 1/",
        "zip 1",
        "\n",
    ),
    *(
        "ann dot ",
        " at b.",
        "a[at]",
        "http://a?token=",
        "e\u0301\u0323",
        "\u200b",
        "\ufdfa",
        "а",
        "[EMAIL_1]",
        "x@y.com ",
    ),
]


QUICK = 0.3  # seconds; a quiet machine needs less than 0.1, one quadratic pattern many


def cpu_seconds(text: str) -> float:
    start = time.process_time()
    detect(text, order_patterns=(r"\d{6}", r"#W\d{7}"), allowed_terms=frozenset({"Aa bb", "1 st"}))
    return time.process_time() - start


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    detect("phone 0123456789, 2125550187")


@pytest.mark.parametrize("piece", PIECES, ids=repr)
def test_64_kilobytes_of_one_piece_are_linear(piece: str) -> None:
    whole = (piece * LENGTH)[:LENGTH]
    assert cpu_seconds(whole) < QUICK or cpu_seconds(whole) < 3 * cpu_seconds(whole[: LENGTH // 2])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=2, max_size=5))
def test_mixtures_of_pieces_stay_quick(pieces: list[str]) -> None:
    text = ("".join(pieces) * 4_000)[:16_384]
    assert cpu_seconds(text) < QUICK


@pytest.mark.parametrize("piece", ["Ada ", "Aa ", "1 ", "my zip is 1 ", "Dr Ada Bo, "])
def test_what_is_found_in_it_is_looked_for_in_linear_time(piece: str) -> None:
    """A value that seems to go on without end is searched for in this text, and in the next one."""
    text = (piece * 16_384)[:16_384]
    begin = time.process_time()
    vault = scrub(text, Vault(), guess=True).vault
    scrub(text, vault, guess=True)
    assert time.process_time() - begin < 2 * QUICK


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_no_text_breaks_detection_or_scrubbing(pieces: list[str]) -> None:
    text = "".join(pieces)
    spans = detect(text)
    assert all(left.end <= right.start for left, right in pairwise(spans))
    assert all(text[span.start : span.end] == span.value for span in spans)
    scrubbed = scrub(text, Vault(), guess=True)
    assert "x@y.com" not in scrubbed.text
    assert "x@y.com" in restore(scrubbed.text, scrubbed.vault) or "x@y.com" not in text
