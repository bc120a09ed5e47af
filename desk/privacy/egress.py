"""The last look at the exact bytes of a request to an external model: with personal data it is not sent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from desk.errors import EgressBlocked
from desk.privacy.accounts import find_cards
from desk.privacy.detect import detect_normalised
from desk.privacy.normalise import normalise
from desk.privacy.repetitions import find_repetitions
from desk.privacy.spans import STRUCTURED
from desk.privacy.vaults import Vault


def check_egress(
    body: bytes,
    vault: Vault,
    *,
    order_patterns: Sequence[str] = (),
    allowed_terms: frozenset[str] = frozenset(),
) -> None:
    """Raise EgressBlocked if a JSON body holds a value of a structured type, or any value of the vault.

    A body that is not JSON in UTF-8, and any fault of the check itself, is blocked too. An empty body and
    pseudonyms pass.
    """
    if not body:
        return
    try:
        personal = any(_is_personal(text, vault, order_patterns, allowed_terms) for text in _scalars(body))
    except Exception:  # whatever went wrong, an unchecked body must not leave; the cause may quote it
        raise EgressBlocked from None
    if personal:
        raise EgressBlocked


def _scalars(body: bytes) -> Iterator[str]:
    """Every string, key and number of the document, also under keys that stand twice."""
    waiting: list[object] = [
        json.loads(body.decode(), object_pairs_hook=list, parse_float=str, parse_int=_Digits)
    ]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list | tuple):
            waiting.extend(value)
        elif isinstance(value, str):
            yield value


class _Digits(str):
    """An integer of the document, digit by digit."""

    __slots__ = ()


def _is_personal(
    text: str, vault: Vault, order_patterns: Sequence[str], allowed_terms: frozenset[str]
) -> bool:
    normalised = normalise(text)
    if any(True for _ in find_repetitions(normalised.text, vault)):
        return True
    if isinstance(text, _Digits):  # a seed or a time may look like a telephone number; a card is a card
        return any(True for _ in find_cards(normalised.text))
    found = detect_normalised(normalised, text, order_patterns, allowed_terms)
    return any(span.type in STRUCTURED for span in found)
