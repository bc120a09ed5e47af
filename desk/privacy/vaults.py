"""The vault of one conversation: which pseudonym stands for which personal value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from desk.privacy.normalise import normalise
from desk.privacy.spans import ENTITY_TYPES

LITERAL = "LITERAL"
TOKEN = re.compile(rf"\[(?P<type>{'|'.join((*ENTITY_TYPES, LITERAL))})_(?P<number>[1-9]\d{{0,5}})\]")
DIGIT_TYPES = frozenset({"PHONE", "CREDIT_CARD", "ACCOUNT_NUMBER"})
COMPACT_TYPES = frozenset({"IBAN", "SSN", "NATIONAL_ID", "MEDICAL_RECORD"})
_NATIONAL_DIGITS = 10  # with or without its country prefix a telephone number is the same
# Letters that a scanner reads for digits.
SCANNED = str.maketrans("OILSBZ", "011582")


def canonical(kind: str, value: str) -> str:
    """The one spelling of a value by which its repetitions are recognised, by its type's rules."""
    if kind == LITERAL:
        return value
    folded = normalise(value).text
    if kind in DIGIT_TYPES:
        digits = re.sub(r"[^0-9]", "", folded)
        return digits[-_NATIONAL_DIGITS:] if kind == "PHONE" else digits
    if kind in COMPACT_TYPES:
        compact = re.sub(r"[^0-9A-Z]", "", folded.upper())
        return compact.translate(SCANNED) if kind == "SSN" else compact
    return ("" if kind == "EMAIL" else " ").join(folded.lower().split())


@dataclass(frozen=True)
class Vault:
    """Pseudonyms of a conversation, as token (`[EMAIL_1]`) to the value it was first written as.

    It never changes: adding returns another vault. Type LITERAL holds text that only looks like a token.
    """

    values: Mapping[str, str] = field(default_factory=dict, repr=False)

    @cached_property
    def tokens(self) -> dict[tuple[str, str], str]:
        """Token by type and canonical value."""
        found = {}
        for token, value in self.values.items():
            kind = token_type(token)
            found[kind, canonical(kind, value)] = token
        return found

    @cached_property
    def longest_token(self) -> int:
        """Length of the longest token, in code points; 0 for an empty vault."""
        return max(map(len, self.values), default=0)

    def to_json(self) -> dict[str, str]:
        """The vault as a plain dict, token to value."""
        return dict(self.values)

    @classmethod
    def from_json(cls, data: Mapping[str, str]) -> Vault:
        """The vault that `to_json` wrote; ValueError if a key is no token."""
        for token in data:
            token_type(token)
        return cls(dict(data))


class VaultBuilder:
    """Collects the new values of one text, then makes one new vault of them."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._added: dict[str, str] = {}
        self._tokens = dict(vault.tokens) if vault.values else {}
        self._seen: dict[tuple[str, str], str] = {}  # as they were written: most come again
        self._counts: dict[str, int] = {}

    def token_for(self, kind: str, value: str) -> str:
        """The token of a value: the one it has, or the next number of its type."""
        written = kind, value
        token = self._seen.get(written)
        if token is None:
            token = self._seen[written] = self._token_for(kind, value)
        return token

    def _token_for(self, kind: str, value: str) -> str:
        key = (kind, canonical(kind, value))
        if known := self._tokens.get(key):
            return known
        number = self._counts.get(kind) or sum(token_type(token) == kind for token in self._vault.values)
        self._counts[kind] = number + 1
        token = f"[{kind}_{number + 1}]"
        self._tokens[key] = token
        self._added[token] = value
        return token

    def build(self) -> Vault:
        """The vault with what was added; the same object if nothing was."""
        return Vault({**self._vault.values, **self._added}) if self._added else self._vault


def token_type(token: str) -> str:
    """The type in a token's name; ValueError if it is no token."""
    match = TOKEN.fullmatch(token)
    if match is None:
        raise ValueError("A vault's keys are pseudonyms such as [EMAIL_1].")
    return match["type"]
