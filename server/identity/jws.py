"""Signed tokens taken apart strictly: three parts of plain base64url, JSON without doubled names."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any

from desk.errors import Unauthenticated

LONGEST_TOKEN = 8192
_LONGEST_HEADER = 2048
_PART = re.compile(r"[A-Za-z0-9_-]+")

# What changes how the rest is to be read. We know none of it, so a token that needs it is not for us.
_UNKNOWN_WAYS = frozenset(("crit", "b64", "zip", "enc", "cty"))


@dataclass(frozen=True, slots=True)
class Token:
    """A token that is well formed, and not yet believed."""

    algorithm: str
    key_id: str | None
    typ: str | None
    claims: dict[str, Any]
    signed: bytes
    signature: bytes


def parse(text: str) -> Token:
    """The parts of a token; raises Unauthenticated on any doubt.

    `jku`, `x5u`, `jwk` and `x5c` in the header are not even looked at: keys come from the issuer alone.
    """
    parts = text.split(".")
    if len(text) > LONGEST_TOKEN or len(parts) != 3 or len(parts[0]) > _LONGEST_HEADER:
        raise Unauthenticated
    header, claims = _object(parts[0]), _object(parts[1])
    algorithm, key_id, typ = (header.get(name) for name in ("alg", "kid", "typ"))
    if not isinstance(algorithm, str) or _UNKNOWN_WAYS & header.keys():
        raise Unauthenticated
    if not all(name is None or isinstance(name, str) for name in (key_id, typ)):
        raise Unauthenticated
    signed = f"{parts[0]}.{parts[1]}".encode()
    return Token(algorithm, key_id, typ, claims, signed, _bytes(parts[2]))


def _object(part: str) -> dict[str, Any]:
    try:
        found = json.loads(_bytes(part).decode(), object_pairs_hook=_without_doubles, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Unauthenticated from error
    if not isinstance(found, dict):
        raise Unauthenticated
    return found


def _bytes(part: str) -> bytes:
    """The bytes of a part; of the spellings that mean the same bytes only one is taken."""
    if not _PART.fullmatch(part):
        raise Unauthenticated
    try:
        decoded = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error as error:
        raise Unauthenticated from error
    if base64.urlsafe_b64encode(decoded).rstrip(b"=").decode() != part:
        raise Unauthenticated
    return decoded


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")
