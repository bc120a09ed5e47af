"""Finds personal values in a text: recognisers in order of certainty, each value claimed once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from desk.privacy.accounts import find_cards, find_ibans
from desk.privacy.addresses import find_addresses
from desk.privacy.allowed import AllowedRanges
from desk.privacy.encoded import find_encoded
from desk.privacy.names.tagger import find_names
from desk.privacy.national_ids import find_checked_ids, find_labelled_ids
from desk.privacy.normalise import Normalised, normalise
from desk.privacy.online import find_emails, find_ip_addresses, find_urls
from desk.privacy.persons import find_persons
from desk.privacy.phones import find_labelled_phones, find_unlabelled_phones
from desk.privacy.postcodes import find_birth_dates, find_postcodes
from desk.privacy.references import find_references
from desk.privacy.secrets import find_bookings, find_secrets
from desk.privacy.spans import EntityType, Found, Span
from desk.privacy.typed.tagger import find_typed

__all__ = ["Span", "detect", "detect_normalised"]

_Recogniser = Callable[[str], Iterator[Found]]
_Kept = tuple[int, int, EntityType]
_NUMERIC_CERTAIN: tuple[_Recogniser, ...] = (
    find_ibans,
    find_cards,
    find_secrets,
    find_labelled_ids,
    find_ip_addresses,
    find_labelled_phones,
    find_birth_dates,
    find_postcodes,
)
_NUMERIC_LIKELY: tuple[_Recogniser, ...] = (
    find_bookings,
    find_checked_ids,
    find_unlabelled_phones,
    find_addresses,
)
_EDGE = " \t\r\n,;:.'\"()[]{}<>-"


def detect(
    text: str, *, order_patterns: Sequence[str] = (), allowed_terms: frozenset[str] = frozenset()
) -> list[Span]:
    """The personal values of what a customer typed, sorted, without overlap, in original code points.

    `order_patterns` are regular expressions of numbers that must survive (InvalidInput if one is unfit);
    `allowed_terms` are catalogue words that are never masked, compared whole and without case.
    """
    return detect_normalised(normalise(text), text, order_patterns, allowed_terms, guess=True)


def detect_normalised(
    normalised: Normalised,
    text: str,
    order_patterns: Sequence[str],
    allowed_terms: frozenset[str],
    *,
    guess: bool = False,
) -> list[Span]:
    """As `detect`, for a caller that holds the normalised text already; values are guessed only if asked.

    A price in the shop's own page may look as if it were somebody's number, and must not be hidden there.
    """
    claimed = bytearray(len(normalised.text))
    kept: list[_Kept] = []
    for found in _candidates(normalised.text, order_patterns, guess=guess):
        first, last, kind = found  # a reference, which has no kind, claims its place and is not kept
        if first < last and claimed.find(1, first, last) < 0:  # nearly always
            claimed[first:last] = b"\x01" * (last - first)
            if kind:
                kept.append((first, last, kind))
            continue
        if claimed.find(0, first, last) < 0:
            continue
        for start, end in _unclaimed(normalised.text, claimed, found):
            if kind == "ADDRESS" and not any(map(str.isdigit, normalised.text[start:end])):
                continue  # a word beside a card's number is no street
            claimed[start:end] = b"\x01" * (end - start)
            if kind:
                kept.append((start, end, kind))
    return _spans(normalised, text, kept, allowed_terms) if kept else []


def _spans(normalised: Normalised, text: str, kept: list[_Kept], allowed_terms: frozenset[str]) -> list[Span]:
    """What was kept, but for allowed terms, in places of the original text."""
    allowed = AllowedRanges(normalised.text, allowed_terms)
    spans: list[Span] = []
    reached = 0
    for start, end, kind in sorted(kept):
        if allowed.holds(start, end):
            continue
        first, last = normalised.original_span(start, end)
        if last > reached:
            first = max(first, reached)  # two findings may share one original character, such as a fraction
            reached = last
            spans.append(Span(first, last, kind, text[first:last]))
    return _whole_addresses(text, spans) if len(spans) > 1 else spans


def _whole_addresses(text: str, spans: list[Span]) -> list[Span]:
    """The spans, with parts of an address that only a space parts as one; a name inside of it is a part."""
    whole: list[Span] = []
    for span in spans:
        whole.append(span)
        if span.type != "ADDRESS" or text[span.start - 1 : span.start] != " ":
            continue
        named = len(whole) > 2 and whole[-2].type == "PERSON" and _adjoin(text, whole[-2], span)
        before = whole[-3 if named else -2] if len(whole) > 1 else None
        if before and before.type == "ADDRESS" and _adjoin(text, before, whole[-2 if named else -1]):
            del whole[-3 if named else -2 :]
            whole.append(Span(before.start, span.end, "ADDRESS", text[before.start : span.end]))
    return whole


def _adjoin(text: str, left: Span, right: Span) -> bool:
    return right.start - left.end == 1 and text[left.end] == " "


def _candidates(text: str, order_patterns: Sequence[str], *, guess: bool) -> Iterable[Found]:
    """All findings, those in base64 before the others, and guesses last."""
    return chain(
        find_encoded(text, lambda hidden: _plain(hidden, ())),
        _plain(text, order_patterns),
        find_typed(text) if guess else (),
    )


def _plain(text: str, order_patterns: Sequence[str]) -> Iterable[Found]:
    """Findings from the most certain to the least; references stand between the two."""
    has_digits = any(digit in text for digit in "0123456789")
    certain = (find_urls, find_emails, *(_NUMERIC_CERTAIN if has_digits else ()))
    references = find_references(text, order_patterns) if has_digits else ()
    likely = (*(_NUMERIC_LIKELY if has_digits else ()), find_persons, find_names)
    return chain(
        chain.from_iterable(find(text) for find in certain),
        references,
        chain.from_iterable(find(text) for find in likely),
    )


def _unclaimed(text: str, claimed: bytearray, found: Found) -> Iterator[tuple[int, int]]:
    """The parts of a finding that no earlier one holds, without the separators at their edges."""
    at = found.start
    while at < found.end:
        start = claimed.find(0, at, found.end)
        if start < 0:
            return
        end = claimed.find(1, start, found.end)
        at = end = found.end if end < 0 else end
        if start > found.start or end < found.end:
            while start < end and text[start] in _EDGE:
                start += 1
            while end > start and text[end - 1] in _EDGE:
                end -= 1
        if end > start:
            yield start, end
