"""No bad token is accepted, by any door; keys are asked for once in thirty seconds, whatever comes."""

from __future__ import annotations

import httpx
import pytest

from tests.server.identity.bad_tokens import maker_of, own_maker
from tests.server.identity.conftest import bearing
from tests.server.identity.corpora import OWN_USES, external_corpus, own_corpus, session_corpus
from tests.server.identity.trying import (
    bearers_let_in,
    cookie,
    says_socket,
    sessions_let_in,
    shakes_hands,
    sockets_let_in,
    streams_and_links_let_in,
)
from tests.server.replicas import Replica
from tests.servers.key_server import KeyServer, public_jwk, rsa_key


@pytest.fixture(scope="module")
def external(provider: KeyServer, other_provider: KeyServer, place: Replica) -> dict[str, str]:
    return external_corpus(provider, other_provider)


@pytest.fixture(scope="module")
def own(provider: KeyServer, place: Replica) -> dict[str, str]:
    return own_corpus(own_maker(place.issuer), provider.url, OWN_USES)


@pytest.fixture(scope="module")
def sessions(place: Replica) -> dict[str, str]:
    return session_corpus(place.issuer)


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
    assert await bearers_let_in(nobody, request.getfixturevalue(corpus)) == {}
    assert provider.fetches - before <= 2, "a flood of unknown keys is no reason to ask for them each time"


@pytest.mark.parametrize("corpus", ["external", "own", "sessions"])
async def test_no_bad_session_is_accepted(
    corpus: str, request: pytest.FixtureRequest, nobody: httpx.AsyncClient
) -> None:
    assert await sessions_let_in(nobody, request.getfixturevalue(corpus)) == {}


@pytest.mark.parametrize("corpus", ["external", "own"])
async def test_no_bad_token_opens_the_socket(
    corpus: str, request: pytest.FixtureRequest, place: Replica
) -> None:
    assert await sockets_let_in(place, request.getfixturevalue(corpus)) == {}


@pytest.mark.parametrize("corpus", ["external", "own"])
async def test_no_bad_token_opens_a_stream_or_a_link(
    corpus: str, request: pytest.FixtureRequest, nobody: httpx.AsyncClient
) -> None:
    """The doors beside the common one."""
    assert await streams_and_links_let_in(nobody, request.getfixturevalue(corpus)) == {}


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
