"""Replaces personal values by stable pseudonyms, and puts the values back, also in a stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from desk.privacy.detect import detect_normalised
from desk.privacy.normalise import Normalised, normalise
from desk.privacy.repetitions import find_repetitions
from desk.privacy.spans import STRUCTURED, Span
from desk.privacy.vaults import LITERAL, TOKEN, Vault, VaultBuilder

__all__ = ["Scrubbed", "StreamRestorer", "Vault", "hide_known", "restore", "restore_json", "scrub"]


_LONGEST_TYPED = 16_000


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """A text with pseudonyms, the vault that can undo them, and the spans of the raw text they cover."""

    text: str
    vault: Vault
    spans: list[Span] = field(repr=False)


def scrub(
    text: str,
    vault: Vault,
    *,
    order_patterns: Sequence[str] = (),
    allowed_terms: frozenset[str] = frozenset(),
    shared: bool = False,
    guess: bool = False,
) -> Scrubbed:
    """Replace every personal value of a raw text by its pseudonym.

    A value the vault holds is replaced wherever it stands. What somebody typed in the form of a pseudonym
    becomes a pseudonym itself, so `restore` can never turn it into another person's value. What is found in a
    `shared` text, the shop's own words, is remembered for other conversations. To `guess` a value by the
    words around it is right for what a customer typed, where haste leaves no other sign.
    """
    find = _remembered if shared else _found
    normalised, spans = find(text, tuple(order_patterns), allowed_terms, guess=guess)
    builder = VaultBuilder(vault)
    claims = _claims(normalised, spans, vault)
    # At other places nothing may tell what it is. What is longer than any message is no customer's.
    if len(text) <= _LONGEST_TYPED and any(span.type not in STRUCTURED for span in spans):
        for start, end, kind in claims:
            builder.token_for(kind, text[start:end])
        claims = _claims(normalised, spans, builder.build())
    pieces: list[str] = []
    at = 0
    for start, end, kind in claims:
        pieces += text[at:start], builder.token_for(kind, text[start:end])
        at = end
    pieces.append(text[at:])
    return Scrubbed("".join(pieces), builder.build(), spans)


def _found(
    text: str, order_patterns: tuple[str, ...], allowed_terms: frozenset[str], *, guess: bool
) -> tuple[Normalised, list[Span]]:
    normalised = normalise(text)
    return normalised, detect_normalised(normalised, text, order_patterns, allowed_terms, guess=guess)


_remembered = lru_cache(maxsize=4000)(_found)


def _claims(normalised: Normalised, spans: list[Span], vault: Vault) -> list[tuple[int, int, str]]:
    """Sorted ranges of the raw text to replace: what looks like a token first, then the longest."""
    text = normalised.text
    literals = [(*match.span(), LITERAL) for match in TOKEN.finditer(text)] if "[" in text else []
    repeated = list(find_repetitions(text, vault)) if vault.values else []
    if not literals and not repeated:  # nearly always
        return [(span.start, span.end, span.type) for span in spans]
    found = [(*normalised.original_span(start, end), kind) for start, end, kind in (*literals, *repeated)]
    found += [(span.start, span.end, span.type) for span in spans]
    claimed = bytearray(normalised.length)
    claims: list[tuple[int, int, str]] = []
    for start, end, kind in sorted(found, key=lambda claim: (claim[2] != LITERAL, claim[0] - claim[1])):
        for first, last in _free_parts(claimed, start, end):
            claims.append((first, last, kind))
            claimed[first:last] = b"\x01" * (last - first)
    return sorted(claims)


def _free_parts(claimed: bytearray, start: int, end: int) -> list[tuple[int, int]]:
    if claimed.find(1, start, end) < 0 < end - start:
        return [(start, end)]
    parts: list[tuple[int, int]] = []
    while (start := claimed.find(0, start, end)) >= 0:
        taken = claimed.find(1, start, end)
        last = end if taken < 0 else taken
        parts.append((start, last))
        start = last
    return parts


def restore(text: str, vault: Vault) -> str:
    """Put back the value of every pseudonym the vault knows; others stay as they are."""
    if "[" not in text:  # as nearly every piece of a stream
        return text
    return TOKEN.sub(lambda match: vault.values.get(match.group(), match.group()), text)


def restore_json(value: Any, vault: Vault) -> Any:
    """The same in every text of a JSON value; its keys stay as they are."""
    match value:
        case str():
            return restore(value, vault)
        case list():
            return [restore_json(item, vault) for item in value]
        case dict():
            return {key: restore_json(item, vault) for key, item in value.items()}
        case _:
            return value


def hide_known(value: Any, vault: Vault) -> Any:
    """A JSON value with every value that the vault holds as its pseudonym; what is a pseudonym stays one."""
    match value:
        case str():
            return _hidden(value, vault) if vault.values else value
        case list() | tuple():
            return [hide_known(item, vault) for item in value]
        case dict():
            return {key: hide_known(item, vault) for key, item in value.items()}
        case _:
            return value


def _hidden(text: str, vault: Vault) -> str:
    """Between the pseudonyms, so that no sign of theirs is taken for part of a value."""
    tokens = [(match.start(), match.end()) for match in TOKEN.finditer(text)]
    pieces: list[str] = []
    at = 0
    for start, end in [*tokens, (len(text), len(text))]:
        pieces += _replaced(text[at:start], vault), text[start:end]
        at = end
    return "".join(pieces)


def _replaced(text: str, vault: Vault) -> str:
    normalised = normalise(text)
    builder = VaultBuilder(vault)
    pieces: list[str] = []
    at = 0
    found = [
        (*normalised.original_span(first, last), kind)
        for first, last, kind in find_repetitions(normalised.text, vault)
    ]
    for start, end, kind in sorted(found, key=lambda one: (one[0], -one[1])):
        if start < at:
            continue
        pieces += text[at:start], builder.token_for(kind, text[start:end])
        at = end
    return "".join((*pieces, text[at:]))


class StreamRestorer:
    """Restores a text that arrives in chunks, wherever they are cut."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._held = ""

    @cached_property
    def _beginnings(self) -> frozenset[str]:
        return frozenset(token[:length] for token in self._vault.values for length in range(1, len(token)))

    def feed(self, chunk: str) -> str:
        """The restored text that is certain now; at most a beginning of a known pseudonym is held back."""
        text = self._held + chunk
        bracket = text.rfind("[")
        cut = bracket if bracket >= 0 and text[bracket:] in self._beginnings else len(text)
        self._held = text[cut:]
        return restore(text[:cut], self._vault)

    def flush(self) -> str:
        """What was still held back when the stream ended."""
        held, self._held = self._held, ""
        return held
