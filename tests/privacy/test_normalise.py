"""Folding keeps an exact map back to the original text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.privacy.normalise import normalise

ODD = st.text(
    alphabet=st.sampled_from("aZ5 @.-%4&#;\\u\u200b\u00ad\u0301\u202eА５½ﬁ﷐é한Ⅷ\u2028İ️"), max_size=60
)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("ａｎｎ＠ｓｈｏｐ．ｃｏｍ", "ann@shop.com"),
        ("a\u200bn\u00adn\u202e@shop.com", "ann@shop.com"),
        ("аnn@shoр.соm", "ann@shop.com"),
        ("٤١١١ ৪", "4111 4"),
        ("𝟒𝟏𝟏𝟏", "4111"),
        ("4\u0336 4️⃣", "4 4"),
        ("555–0123 555‑0123", "555-0123 555-0123"),
        ("ann%40shop%2Ecom", "ann@shop.com"),
        ("ann\\u0040shop&#46;com&#x21;", "ann@shop.com!"),
        ("José Jose\u0301", "Jose Jose"),
        ("50 % & more \\ 100%", "50 % & more \\ 100%"),
    ],
)
def test_disguises_are_folded(written: str, meant: str) -> None:
    assert normalise(written).text == meant


def test_a_span_covers_what_was_dropped_inside_it() -> None:
    text = "to a\u200bnn@shop.com\u200b now"
    normalised = normalise(text)
    start = normalised.text.index("ann")
    assert text[slice(*normalised.original_span(start, start + 12))] == "a\u200bnn@shop.com\u200b"


@given(st.one_of(st.text(max_size=80), ODD))
def test_offsets_lead_back_to_the_original(text: str) -> None:
    normalised = normalise(text)
    assert len(normalised.offsets) == len(normalised.text)
    assert list(normalised.offsets) == sorted(normalised.offsets)
    assert all(0 <= offset < len(text) for offset in normalised.offsets)
    assert len(normalised.text.lower()) == len(normalised.text)


@given(st.one_of(st.text(max_size=60), ODD), st.integers(0, 60), st.integers(1, 20))
def test_spans_are_inside_the_original_and_not_empty(text: str, start: int, size: int) -> None:
    normalised = normalise(text)
    end = min(start + size, len(normalised.text))
    if start < end:
        first, last = normalised.original_span(start, end)
        assert 0 <= first < last <= len(text)
        assert first <= normalised.offsets[start]
        assert last > normalised.offsets[end - 1]


@given(ODD)
def test_ascii_runs_stay_as_they_are(text: str) -> None:
    normalised = normalise(text)
    for char, offset in zip(normalised.text, normalised.offsets, strict=True):
        if text[offset].isalnum() and text[offset].isascii():
            assert char == text[offset]
