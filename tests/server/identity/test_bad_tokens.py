"""No bad token is accepted, by any door; keys are asked for once in thirty seconds, whatever comes."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from server.auth import SESSION_COOKIE
from server.issuer import TokenType
from tests.server.identity import bad_tokens as bad
from tests.server.identity.bad_tokens import GONE, Maker, maker_of, own_maker
from tests.server.identity.conftest import bearing
from tests.server.identity.people import said
from tests.server.replicas import Replica
from tests.servers.key_server import KeyServer, public_jwk, rsa_key

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


@pytest.fixture(scope="module")
def external(provider: KeyServer, other_provider: KeyServer, place: Replica) -> dict[str, str]:
    return external_corpus(provider, other_provider)


@pytest.fixture(scope="module")
def own(provider: KeyServer, place: Replica) -> dict[str, str]:
    return own_corpus(own_maker(place.issuer), provider.url, OWN_USES)


@pytest.fixture(scope="module")
def sessions(provider: KeyServer, place: Replica) -> dict[str, str]:
    uses = ("at+jwt", *(use for use in OWN_USES if use != "session+jwt"))
    return own_corpus(own_maker(place.issuer, "session+jwt"), "http://evil.example", uses)


def test_there_are_enough_of_them(
    external: dict[str, str], own: dict[str, str], sessions: dict[str, str]
) -> None:
    counts = {len(external), len(set(external.values())), len(own), len(sessions)}
    assert min(counts) >= 300
    assert len(set(external.values()) & set(own.values())) < 20


async def test_the_good_ones_are_accepted(
    nobody: httpx.AsyncClient, provider: KeyServer, other_provider: KeyServer, place: Replica
) -> None:
    """Otherwise the rest would prove nothing."""
    others = maker_of(other_provider).made(None, {"groups": ["desk-agent"]})
    for token in (maker_of(provider).good(), own_maker(place.issuer).good(), others):
        assert (await nobody.get("/api/v1/me", headers=bearing(token))).status_code == 200
        assert await says_socket(place, token) == 422
        assert await shakes_hands(place, token)
    session = own_maker(place.issuer, "session+jwt").good()
    assert (await nobody.get("/api/v1/me", headers=cookie(session))).status_code == 200


@pytest.mark.parametrize("corpus", ["external", "own"])
async def test_no_bad_bearer_is_accepted(
    corpus: str, request: pytest.FixtureRequest, nobody: httpx.AsyncClient, provider: KeyServer
) -> None:
    """And every one gets the very same answer, so that it says nothing of the token, or of what is wrong."""
    before = provider.fetches
    missing = await nobody.get("/api/v1/me")
    other: dict[str, tuple[int, str]] = {}
    for name, token in request.getfixturevalue(corpus).items():
        header = {b"authorization": f"Bearer {token}".strip().encode("latin-1")}
        response = await nobody.get("/api/v1/me", headers=header)
        if response.status_code != 401 or said(response) != said(missing):
            other[name] = response.status_code, response.text
    assert other == {}
    assert provider.fetches - before <= 2, "a flood of unknown keys is no reason to ask for them each time"


@pytest.mark.parametrize("corpus", ["external", "own", "sessions"])
async def test_no_bad_session_is_accepted(
    corpus: str, request: pytest.FixtureRequest, nobody: httpx.AsyncClient
) -> None:
    accepted: dict[str, int] = {}
    for name, token in request.getfixturevalue(corpus).items():
        if name in ("quoted", f"typ {'session+jwt'!r}"):
            continue  # which in a cookie is nothing bad
        nobody.cookies.clear()
        response = await nobody.get("/api/v1/me", headers=cookie(token))
        if response.status_code != 401:
            accepted[name] = response.status_code
    assert accepted == {}


@pytest.mark.parametrize("corpus", ["external", "own"])
async def test_no_bad_token_opens_the_socket(
    corpus: str, request: pytest.FixtureRequest, place: Replica
) -> None:
    accepted: dict[str, object] = {}
    for name, token in request.getfixturevalue(corpus).items():
        answer = await says_socket(place, token)
        if answer not in (401, 413):  # a token longer than a message may be is refused unread
            accepted[name] = answer
        elif _fits_a_header(token) and await shakes_hands(place, token):
            accepted[f"{name}, in the handshake"] = True
    assert accepted == {}


@pytest.mark.parametrize("corpus", ["external", "own"])
async def test_no_bad_token_opens_a_stream_or_a_link(
    corpus: str, request: pytest.FixtureRequest, nobody: httpx.AsyncClient
) -> None:
    """The doors beside the common one: server-sent events, and the link that works once."""
    accepted: dict[str, tuple[int, int]] = {}
    for name, token in list(request.getfixturevalue(corpus).items())[::3]:
        header = {b"authorization": f"Bearer {token}".strip().encode("latin-1")}
        stream = await nobody.post("/api/v1/chat/stream", json={"message": "hi"}, headers=header)
        link = await nobody.get(f"/login?code={quote(token)}")
        a_link = corpus == "own" and name == f"typ {'login+jwt'!r}"
        if stream.status_code != 401 or (link.status_code != 401 and not a_link):
            accepted[name] = stream.status_code, link.status_code
    assert accepted == {}


async def test_two_tokens_at_once_are_none(nobody: httpx.AsyncClient, provider: KeyServer) -> None:
    good = f"Bearer {provider.token()}".encode()
    headers = [(b"authorization", good), (b"authorization", good)]
    assert (await nobody.get("/api/v1/me", headers=headers)).status_code == 401


async def test_odd_keys_of_the_issuer_verify_nothing(
    nobody: httpx.AsyncClient, other_provider: KeyServer, place: Replica
) -> None:
    """Keys that are weak, shared, for something else, private or of a doubled name are left out."""
    tokens = place.desk.reception.verifier.external["other"]
    weak, encrypting, twin = rsa_key(1024), rsa_key(), rsa_key()
    secret = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldA"
    keep = list(other_provider.jwks)
    other_provider.jwks += [
        public_jwk(weak, "weak"),
        public_jwk(encrypting, "encrypting", use="enc"),
        public_jwk(encrypting, "for RS512", alg="RS512"),
        {"kty": "oct", "k": secret, "kid": "shared", "alg": "HS256", "use": "sig"},
        public_jwk(twin, "twin"),
        public_jwk(other_provider.key, "twin"),
        {**public_jwk(twin, "private"), "d": "AQAB"},
        {"kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB", "use": "sig"},
        "no key",  # type: ignore[list-item]
    ]
    try:
        tokens.keys._tried_at = tokens.keys._fetched_at = -1e9
        maker = maker_of(other_provider)
        groups = {"groups": ["desk-user"]}
        good = await nobody.get("/api/v1/me", headers=bearing(maker.made(None, groups)))
        assert good.status_code == 200
        for kid, key in (
            ("weak", weak),
            ("encrypting", encrypting),
            ("for RS512", encrypting),
            ("twin", twin),
            ("twin", other_provider.key),
            ("private", twin),
            ("broken", twin),
        ):
            token = maker.made({"kid": kid}, groups, key=key)
            assert (await nobody.get("/api/v1/me", headers=bearing(token))).status_code == 401, kid
        shared = maker.made({"kid": "shared", "alg": "HS256"}, groups, key=secret.encode(), algorithm="HS256")
        assert (await nobody.get("/api/v1/me", headers=bearing(shared))).status_code == 401
    finally:
        other_provider.jwks = keep


def cookie(token: str) -> dict[bytes, bytes]:
    return {b"cookie": f"{SESSION_COOKIE}={token}".encode("latin-1")}


def _fits_a_header(token: str) -> bool:
    """Whether the socket's library takes a header that holds it."""
    return token.isascii() and token.isprintable() and len(token) < 8000


def socket_address(place: Replica) -> str:
    return place.url.replace("http://", "ws://") + "/api/v1/chat/ws"


async def says_socket(place: Replica, token: str) -> object:
    """The status of the first thing that the socket says to somebody who authenticates so."""
    async with connect(socket_address(place), max_size=None) as socket:
        await socket.send(json.dumps({"type": "auth", "token": token}))
        with suppress(ConnectionClosed):  # it was sent away already
            await socket.send("not a message")  # who is let in hears that this is none
        heard = json.loads(await asyncio.wait_for(socket.recv(), 10))
        return heard["data"]["status"]


async def shakes_hands(place: Replica, token: str) -> bool:
    """Whether somebody with this token in the handshake may go on to talk."""
    try:
        async with connect(socket_address(place), additional_headers=bearing(token)) as socket:
            with suppress(ConnectionClosed):
                await socket.send("not a message")
            heard = json.loads(await asyncio.wait_for(socket.recv(), 10))
            return bool(heard["data"]["status"] != 401)
    except InvalidHandshake:
        return False
