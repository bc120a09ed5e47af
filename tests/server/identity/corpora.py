"""Bad tokens, some three hundred of an identity provider and as many of the built-in issuer."""

from __future__ import annotations

from collections import Counter
from typing import Any

from server.issuer import Issuer, TokenType
from tests.server.identity import bad_tokens as bad
from tests.server.identity.bad_tokens import GONE, Maker, maker_of, own_maker
from tests.servers.key_server import KeyServer

OTHER_TYPES: tuple[Any, ...] = (
    None,
    GONE,
    1,
    [],
    "",
    "jwt",
    "JWE",
    "at+JWT",
    "application/at+jwt",
    "id+jwt",
    "dpop+jwt",
)
OWN_USES: tuple[TokenType, ...] = ("session+jwt", "login+jwt", "visitor+jwt", "oidc+jwt")


def external_corpus(provider: KeyServer, other: KeyServer) -> dict[str, str]:
    """Bad tokens of an identity provider."""
    maker = maker_of(provider)
    asked = ("iss", "aud", "azp", "sub", "exp", "iat", "tenant", "realm_access")
    required: dict[str, tuple[Any, ...]] = dict.fromkeys(asked, ())
    optional: dict[str, tuple[Any, ...]] = {"email": (), "email_verified": (True,), "typ": (), "nbf": (1.5,)}
    values: dict[str, tuple[Any, ...]] = {
        "iss": (other.url, f"{provider.url}/", provider.url.upper(), "deskgraph", f"{provider.url}#", "null"),
        "aud": (
            "console",
            "Deskgraph",
            "deskgraph ",
            "deskgraph,account",
            ["account"],
            ["deskgraph", "deskgraph"],
            [["deskgraph"]],
            ["deskgraph", None],
            {"deskgraph": "deskgraph"},
            ["deskgraph", *map(str, range(16))],
        ),
        "azp": ("evil", "Console", "console,evil", "deskgraph"),
        "client_id": ("evil", "", 1, ["console"]),
        "tenant": ("unknown", "platform", "Bookshop", "../bookshop", "bookshop\n", "bookshop'--", "*"),
        "realm_access": (
            {"roles": []},
            {"roles": ["admin", "user"]},
            {"roles": "desk-admin"},
            {"roles": {"desk-admin": True}},
            {"roles": [["desk-admin"]]},
            {"roles": ["desk-user", 1]},
            {"Roles": ["desk-admin"]},
            {"roles": ["desk-admin "]},
        ),
        "typ": ("ID", "Refresh", "Logout", "bearer", "Offline"),
        "sub": ("\u200b", "a\0b", "a\nb", "\u202eadmin", "ada\ufeff"),
        "email": ("a\0b@x.org", "\u202ea@x.org"),
        "at_hash": ("MTIzNDU2Nzg5MDEyMzQ1Ng",),
        "c_hash": ("MTIzNDU2Nzg5MDEyMzQ1Ng",),
    }
    types = (*OTHER_TYPES, *OWN_USES)
    sources = (*_common(maker, provider.url, types), bad.odd_claims(maker, required, optional))
    corpus = _joined(*sources, bad.foreign(maker, values), _others_keys(maker, other))
    corpus["too long a life"] = maker.made(None, {"exp": maker.claims()["iat"] + 8 * 86400})
    return corpus


def own_corpus(maker: Maker, evil: str, uses: tuple[Any, ...]) -> dict[str, str]:
    """Bad tokens of the built-in issuer."""
    required: dict[str, tuple[Any, ...]] = dict.fromkeys(("iss", "aud", "sub", "exp", "tenant", "role"), ())
    required["iat"] = (1.5,)
    optional: dict[str, tuple[Any, ...]] = {
        "email": (),
        "email_verified": (True,),
        "nbf": (1.5,),
        "azp": (),
        "jti": (),
        "idp": (),
    }
    values: dict[str, tuple[Any, ...]] = {
        "iss": ("Deskgraph", "deskgraph/", evil, "another"),
        "aud": ("Deskgraph", "another", ["deskgraph"], ["deskgraph", "another"], "deskgraph deskgraph"),
        "azp": ("evil", "widget", "Desk"),
        "role": ("worker", "Admin", "root", "service", "visitor", "admin ", "superuser"),
        "tenant": ("unknown", "Bookshop", "../bookshop", "bookshop\n", "bookshop;drop"),
        "sub": ("\u200b", "a\0b", "a\nb", "\u202eadmin"),
        "idp": (evil, "http://unknown.example"),
    }
    return _joined(
        *_common(maker, evil, (*OTHER_TYPES, "JWT", *uses)),
        bad.odd_claims(maker, required, optional),
        bad.foreign(maker, values),
    )


def session_corpus(issuer: Issuer) -> dict[str, str]:
    """Bad session cookies."""
    uses = ("at+jwt", *(use for use in OWN_USES if use != "session+jwt"))
    return own_corpus(own_maker(issuer, "session+jwt"), "http://evil.example", uses)


def _common(maker: Maker, evil: str, types: tuple[Any, ...]) -> tuple[bad.Bad, ...]:
    return (
        bad.shapes(maker),
        bad.signatures(maker),
        bad.algorithms(maker),
        bad.key_names(maker),
        bad.offered_keys(maker, evil),
        bad.other_ways(maker, types),
        bad.texts(maker),
        bad.times(maker),
    )


def _others_keys(maker: Maker, other: KeyServer) -> bad.Bad:
    """Keys that are somebody's, but not this issuer's for tokens."""
    yield "the other issuer's key", maker.made({"kid": "other"}, key=other.key)
    yield "the other issuer's key under our kid", maker.made(key=other.key)


def _joined(*sources: bad.Bad) -> dict[str, str]:
    found = [pair for source in sources for pair in source]
    twice = [name for name, count in Counter(name for name, _ in found).items() if count > 1]
    return {f"{name} ({at})" if name in twice else name: token for at, (name, token) in enumerate(found)}
