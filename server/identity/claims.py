"""Claims of a token, judged strictly: each has one type, and times have little slack."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from desk.errors import Unauthenticated

LEEWAY_SECONDS = 5
_LONGEST_TEXT = 255
_MOST_AUDIENCES = 16
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@dataclass(frozen=True, slots=True)
class Rules:
    """What an issuer's tokens must say. `one_audience`: `aud` is that text and no list.

    `issuer` is None where the signature alone says who speaks. `parties` are those whom a token may have been
    made for, by `azp` or `client_id`; none means anybody.
    """

    issuer: str | None
    audience: str
    parties: frozenset[str] = frozenset()
    one_audience: bool = False
    longest_seconds: float = 24 * 3600


@dataclass(frozen=True, slots=True)
class Times:
    """From when and until when a token counts, in seconds since 1970."""

    issued_at: float
    expires_at: float


def check(claims: Mapping[str, Any], rules: Rules, now: float) -> Times:
    """When the claims count; raises Unauthenticated unless they are what the rules ask for."""
    if rules.issuer is not None and text(claims, "iss") != rules.issuer:
        raise Unauthenticated
    if not _is_for(claims.get("aud"), rules):
        raise Unauthenticated
    _refuse_foreign_party(claims, rules.parties)
    text(claims, "sub")
    issued, expires = moment(claims, "iat"), moment(claims, "exp")
    begins = moment(claims, "nbf") if "nbf" in claims else issued
    if expires <= now - LEEWAY_SECONDS or max(issued, begins) > now + LEEWAY_SECONDS:
        raise Unauthenticated
    if not issued < expires <= issued + rules.longest_seconds:
        raise Unauthenticated
    return Times(issued, expires)


def text(claims: Mapping[str, Any], name: str) -> str:
    """A claim that is text of at most 255 characters, all visible; raises Unauthenticated otherwise."""
    value = claims.get(name)
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT or _CONTROL.search(value):
        raise Unauthenticated
    if not value.strip():
        raise Unauthenticated
    return value


def moment(claims: Mapping[str, Any], name: str) -> float:
    """A claim that is a number of seconds; raises Unauthenticated otherwise. `true` is no number."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unauthenticated
    if not math.isfinite(value) or not 0 < value < 1e11:
        raise Unauthenticated
    return float(value)


def slug(value: Any) -> str:
    """A tenant's slug; raises Unauthenticated for anything else."""
    if not isinstance(value, str) or not _SLUG.fullmatch(value):
        raise Unauthenticated
    return value


def email(claims: Mapping[str, Any]) -> str | None:
    """The e-mail address for which the issuer vouches; raises Unauthenticated for an odd one."""
    verified = claims.get("email_verified", False)
    if not isinstance(verified, bool):
        raise Unauthenticated
    address = text(claims, "email").casefold() if "email" in claims else None
    return address if verified else None


def at(claims: Mapping[str, Any], path: str) -> Any:
    """What a dotted path leads to; None where there is nothing. A name with dots of its own comes first."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for name in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found


def _is_for(audience: Any, rules: Rules) -> bool:
    if isinstance(audience, str):
        return audience == rules.audience
    if rules.one_audience or not isinstance(audience, list) or not 0 < len(audience) <= _MOST_AUDIENCES:
        return False
    named = all(isinstance(name, str) for name in audience)
    return named and len(set(audience)) == len(audience) and rules.audience in audience


def _refuse_foreign_party(claims: Mapping[str, Any], parties: frozenset[str]) -> None:
    """Keycloak says `azp`, RFC 9068 `client_id`; a token that says both must mean allowed ones by both."""
    named = [text(claims, name) for name in ("azp", "client_id") if name in claims]
    if parties and not (named and set(named) <= parties):
        raise Unauthenticated
