"""Keys of an identity provider: rotated, and asked of one that is slow, wrong, huge or away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import get_args

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from desk.errors import Unauthenticated
from desk.settings import TrustedIssuer
from server.identity.jwks import FRESH_SECONDS, PAUSE_SECONDS, STALE_SECONDS, FetchedKeys, Keys, open_client
from server.identity.jws import parse
from server.identity.verifier import ExternalTokens, Verifier
from server.issuer import Issuer
from tests.server.identity.conftest import bearing, trusted
from tests.server.identity.floods import Hands, fetches_in_a_flood, keys_of
from tests.server.replicas import Replica
from tests.servers.key_server import KeyServer, Mood, key_server

MOODS: tuple[Mood, ...] = tuple(mood for mood in get_args(Mood) if mood != "well")
# What it answers in the others is wrong from the start, or means that it has no keys.
AWAY = tuple(mood for mood in MOODS if mood not in ("of another", "no keys"))


@pytest.fixture
async def server() -> AsyncIterator[KeyServer]:
    async with key_server() as found:
        yield found


def signs(keys: Keys, token: str) -> bool:
    read = parse(token)
    assert read.key_id is not None
    return keys.verify(read.key_id, read.algorithm, read.signed, read.signature)


async def test_the_address_of_the_keys_is_discovered_or_given(server: KeyServer) -> None:
    async with keys_of(server, Hands()) as discovered:
        assert signs(await discovered.having("first"), server.token())
    assert server.discoveries == 1
    async with keys_of(server, Hands(), jwks_uri=f"{server.url}/keys") as given:
        assert signs(await given.having("first"), server.token())
    assert server.discoveries == 1


async def test_a_new_key_is_found_and_the_old_one_counts_no_longer(server: KeyServer) -> None:
    clock = Hands()
    async with keys_of(server, clock) as keys:
        old = server.token()
        assert signs(await keys.having("first"), old)
        server.rotate("second")
        clock.now += PAUSE_SECONDS
        assert signs(await keys.having("second"), server.token())
        assert not signs(await keys.having("second"), old)
    assert server.fetches == 2


async def test_what_was_believed_by_a_key_that_is_gone_is_asked_again(server: KeyServer) -> None:
    async with open_client() as client:
        external = ExternalTokens(trusted(server), client)
        verifier = Verifier(Issuer("another", "another", _any_key()), [external])
        old = server.token()
        assert (await verifier.verify(old)).sub == "8f2e"
        server.rotate("second")
        external.keys._tried_at -= PAUSE_SECONDS
        assert (await verifier.verify(server.token())).sub == "8f2e"
        with pytest.raises(Unauthenticated):
            await verifier.verify(old)
        await verifier.close()


async def test_a_flood_of_unknown_keys_is_one_fetch_in_thirty_seconds(server: KeyServer) -> None:
    assert await fetches_in_a_flood(server, 500) == [1, 0, 1]


async def test_old_keys_are_renewed_beside_the_requests(server: KeyServer) -> None:
    clock = Hands()
    async with keys_of(server, clock) as keys:
        await keys.having("first")
        clock.now += FRESH_SECONDS + 1
        server.mood = "hanging"
        began = time.monotonic()
        assert "first" in await keys.having("first")
        assert time.monotonic() - began < 1, "a request waited for keys that it did not need"


@pytest.mark.parametrize("mood", MOODS)
async def test_a_provider_in_a_mood_lets_nobody_in_and_holds_up_nobody(server: KeyServer, mood: Mood) -> None:
    server.mood = mood
    async with keys_of(server, Hands()) as keys:
        began = time.monotonic()
        if mood == "no keys":
            assert "first" not in await keys.having("first")
        else:
            with pytest.raises(Unauthenticated):
                await keys.having("first")
        assert time.monotonic() - began < 8


@pytest.mark.parametrize("mood", AWAY)
async def test_keys_that_are_known_serve_for_an_hour_while_the_provider_is_away(
    server: KeyServer, mood: Mood
) -> None:
    clock = Hands()
    async with keys_of(server, clock) as keys:
        await keys.having("first")
        generation, server.mood = keys.generation, mood
        clock.now += STALE_SECONDS - 1
        assert "first" in await keys.having("first")
        assert keys.generation == generation
        assert keys._fetching is not None
        await asyncio.wait({keys._fetching})
        clock.now += 1
        with pytest.raises(Unauthenticated):
            await keys.having("first")
        server.mood = "well"
        clock.now += PAUSE_SECONDS
        assert "first" in await keys.having("first")


async def test_nobody_listens_there() -> None:
    unreachable = TrustedIssuer(
        name="gone",
        issuer="http://127.0.0.1:9",
        audience="deskgraph",
        tenant="bookshop",
        roles={},
        plain_http=True,
    )
    async with open_client() as client:
        keys = FetchedKeys(unreachable, client)
        with pytest.raises(Unauthenticated):
            await keys.having("first")


async def test_a_provider_that_is_away_does_not_touch_the_others(
    place: Replica, provider: KeyServer, other_provider: KeyServer, nobody: httpx.AsyncClient
) -> None:
    """And a request that it makes wait is answered in bounded time."""
    await nobody.get("/api/v1/me", headers=bearing(provider.token()))
    other_provider.mood = "hanging"
    keys = place.desk.reception.verifier.external["other"].keys
    keys._fetched_at = keys._tried_at = -1e9
    try:
        token = other_provider.token(groups=["desk-user"])
        waits = asyncio.create_task(nobody.get("/api/v1/me", headers=bearing(token)))
        await asyncio.sleep(0.1)
        began = time.monotonic()
        assert (await nobody.get("/api/v1/me", headers=bearing(provider.token()))).status_code == 200
        assert time.monotonic() - began < 2
        assert (await waits).status_code == 401
        assert time.monotonic() - began < 8
    finally:
        other_provider.mood = "well"
        keys._fetched_at = keys._tried_at = -1e9


def _any_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()
