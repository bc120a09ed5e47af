"""Rate limits at the door: of a caller, an address and a tenant, told in headers, never lifted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from desk.cache.port import HitCounter, Standing, Window
from desk.domain import TenantSettings
from desk.embedded import Engines
from tests.plugins.stores import temporary_home
from tests.server.conftest import bearer
from tests.server.replicas import Replica, frozen, new_tenant, redis_pid, replica, replica_settings
from tests.server.test_socket import address, hear, say, token

ME = "/api/v1/me"


@contextmanager
def _home() -> Iterator[Path]:
    with temporary_home() as home:
        yield Path(home)


@asynccontextmanager
async def opened(stores: Engines, **changes: Any) -> AsyncIterator[Replica]:
    """One application with these limits."""
    with _home() as home:
        async with replica(replica_settings(stores, home, **changes)) as place:
            yield place


@pytest.fixture(scope="module")
async def place(own_stores: Engines) -> AsyncIterator[Replica]:
    async with opened(own_stores, address_rate_limit_per_minute=9, trusted_proxies=("127.0.0.1",)) as it:
        yield it


def client_of(place: Replica, email: str, tenant: str, address: str) -> httpx.AsyncClient:
    headers = {**bearer(place.issuer, email, "user", tenant), "x-forwarded-for": address}
    return httpx.AsyncClient(base_url=place.url, headers=headers, timeout=20)


async def statuses(client: httpx.AsyncClient, times: int) -> list[int]:
    return [(await client.get(ME)).status_code for _ in range(times)]


async def test_a_callers_limit_is_the_tenants_and_is_told(place: Replica) -> None:
    tenant = await new_tenant(place, TenantSettings(rate_limit_per_minute=3, rate_limit_per_hour=50))
    async with client_of(place, "a@example.com", tenant, "192.0.2.1") as client:
        first = await client.get(ME)
        assert first.headers["ratelimit-policy"] == '"minute";q=3;w=60, "hour";q=50;w=3600'
        assert first.headers["ratelimit"] == '"minute";r=2;t=60, "hour";r=49;t=3600'
        assert await statuses(client, 2) == [200, 200]
        refused = await client.get(ME)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["ratelimit"].startswith('"minute";r=0;t=')
    assert "try again in" in refused.json()["detail"]
    async with client_of(place, "b@example.com", tenant, "192.0.2.1") as other:
        assert await statuses(other, 1) == [200]


async def test_a_tenants_limit_is_for_all_its_callers_and_for_nobody_else(place: Replica) -> None:
    tenant = await new_tenant(place, TenantSettings(tenant_rate_limit_per_minute=4))
    said = []
    for number in range(6):
        async with client_of(place, f"{number}@example.com", tenant, f"192.0.2.{10 + number}") as client:
            answer = await client.get(ME)
            said.append(answer.status_code)
    assert said == [200] * 4 + [429] * 2
    assert '"tenant-minute";r=0;t=' in answer.headers["ratelimit"]
    async with client_of(place, "a@example.com", await new_tenant(place), "192.0.2.20") as neighbour:
        assert await statuses(neighbour, 1) == [200]


async def test_an_address_is_the_one_the_proxy_vouches_for(place: Replica) -> None:
    tenant = await new_tenant(place)
    said = []
    for number in range(11):
        forged = f"203.0.113.{number}, 192.0.2.30"  # the client wrote the first, the proxy the second
        async with client_of(place, f"{number}@example.com", tenant, forged) as client:
            said += await statuses(client, 1)
    assert said == [200] * 9 + [429] * 2
    async with client_of(place, "a@example.com", tenant, "192.0.2.31") as elsewhere:
        assert await statuses(elsewhere, 1) == [200]


async def test_bad_tokens_are_counted_by_their_address(place: Replica) -> None:
    headers = {"authorization": "Bearer nonsense", "x-forwarded-for": "192.0.2.40"}
    async with httpx.AsyncClient(base_url=place.url, headers=headers, timeout=20) as client:
        assert await statuses(client, 11) == [401] * 9 + [429] * 2


async def test_nothing_is_spent_on_a_bad_token_of_an_address_that_has_no_more(place: Replica) -> None:
    """Each bad token, key and missing one counts first; then also a good one is not even looked at."""
    forwarded = {"x-forwarded-for": "192.0.2.41"}
    bad: list[dict[str, str]] = [{}, {"authorization": "Bearer x.y.z"}, {"x-api-key": "dk_nobody"}] * 3
    async with httpx.AsyncClient(base_url=place.url, headers=forwarded, timeout=20) as client:
        assert [(await client.get(ME, headers=one)).status_code for one in bad] == [401] * 9
        good = bearer(place.issuer, "a@example.com")
        assert (await client.get(ME, headers=good)).status_code == 429
    unseen = good["authorization"].removeprefix("Bearer ")
    assert not place.desk.reception.verifier.knows(unseen, "at+jwt"), "nobody looked at its signature"


class Counted:
    """A counter of hits, and how often it was asked."""

    def __init__(self, counter: HitCounter) -> None:
        self._counter = counter
        self.asked = 0

    @property
    def processes(self) -> int:
        return self._counter.processes

    async def hit(self, keys: Sequence[str], windows: Sequence[Window], *, told: int) -> Standing:
        self.asked += bool(windows)  # without one it is the process that tells of itself
        return await self._counter.hit(keys, windows, told=told)

    async def close(self) -> None:
        await self._counter.close()


async def test_a_new_token_is_counted_in_one_round_trip_but_where_bad_ones_came_from(place: Replica) -> None:
    limits, tenant = place.desk.limits, await new_tenant(place)
    shared = limits.shared
    assert shared is not None
    limits.shared = counted = Counted(shared)
    try:
        async with client_of(place, "new@example.com", tenant, "192.0.2.50") as client:
            assert await statuses(client, 2) == [200, 200]
            assert counted.asked == 2
            assert (await client.get(ME, headers={"authorization": "Bearer x.y.z"})).status_code == 401
            assert counted.asked == 3
            newer = bearer(place.issuer, "newer@example.com", "user", tenant)
            assert (await client.get(ME, headers=newer)).status_code == 200
            assert counted.asked == 5
    finally:
        limits.shared = shared


async def test_a_socket_takes_no_more_bad_tokens_than_an_address_has(place: Replica) -> None:
    """Also when it was opened with a good one, which counts like a bad one until it was looked at."""
    good = token(place, await new_tenant(place))
    said = []
    async with connect(address(place), additional_headers={"x-forwarded-for": "192.0.2.45"}) as socket:
        await say(socket, type="auth", token=good)
        for number in range(10):
            await say(socket, type="auth", token="bad")
            await say(socket, type="message", message="hi", idempotency_key=f"k{number}")
            said.append((await hear(socket))["data"]["status"])
    assert said == [401] * 8 + [429] * 2


async def test_a_good_token_counts_once_by_its_address_whether_it_was_seen_or_not(place: Replica) -> None:
    tenant = await new_tenant(place)
    async with client_of(place, "a@example.com", tenant, "192.0.2.42") as client:
        assert await statuses(client, 10) == [200] * 9 + [429]
        seen = client.headers["authorization"].removeprefix("Bearer ")
    assert place.desk.reception.verifier.knows(seen, "at+jwt")


async def test_who_may_not_is_counted_too(place: Replica) -> None:
    tenant = await new_tenant(place, TenantSettings(rate_limit_per_minute=3))
    async with client_of(place, "a@example.com", tenant, "192.0.2.43") as client:
        said = [(await client.get("/api/v1/api-keys")).status_code for _ in range(5)]
        assert said == [403] * 3 + [429] * 2
    async with client_of(place, "a@example.com", tenant, "192.0.2.44") as client:
        wrong = {"x-tenant-id": "another"}
        said = [(await client.get(ME, headers=wrong)).status_code for _ in range(11)]
        assert said == [403] * 9 + [429] * 2


async def test_without_redis_nobody_signs_in_or_gets_a_key_but_those_who_are_in_stay(
    own_stores: Engines,
) -> None:
    async with opened(own_stores) as place:
        tenant = await new_tenant(place)
        login = {"tenant": tenant, "email": "a@example.com", "password": "a long enough password"}
        async with place.client("boss@example.com", tenant, "admin") as boss:
            key = {"name": "a service", "rights": ["relay"]}
            made = await boss.post("/api/v1/api-keys", json=key)
            assert made.status_code == 201
            assert (await boss.post("/api/v1/auth/login", json=login)).status_code == 401
            with frozen(await redis_pid(own_stores)):
                for path, body in (
                    ("/api/v1/auth/login", login),
                    ("/api/v1/auth/register", login),
                    ("/api/v1/auth/reset", {"tenant": tenant, "email": "a@example.com"}),
                    ("/api/v1/api-keys", key),
                    (f"/api/v1/api-keys/{made.json()['id']}/rotate", {}),
                ):
                    away = await boss.post(path, json=body)
                    assert (away.status_code, away.headers["retry-after"]) == (503, "5"), path
                assert (await boss.get("/login", params={"code": "x"})).status_code == 503
                assert (await boss.get(ME)).status_code == 200
                gone = await boss.delete(f"/api/v1/api-keys/{made.json()['id']}")
                assert gone.status_code == 204, "a key that leaked is ended all the same"


async def test_an_idle_process_knows_how_many_there_are(own_stores: Engines) -> None:
    async with opened(own_stores) as first:
        counter = first.desk.limits.shared
        assert counter is not None
        before = counter.processes
        async with opened(own_stores):
            async with asyncio.timeout(20):
                while counter.processes <= before:  # noqa: ASYNC110 - nobody asks it for anything
                    await asyncio.sleep(0.1)


async def test_without_redis_each_process_has_its_part_and_no_more(own_stores: Engines) -> None:
    """Two processes that knew of each other let through at most the limit together."""
    limit = 10
    async with (
        opened(own_stores, rate_limit_per_minute=limit) as first,
        opened(own_stores, rate_limit_per_minute=limit) as second,
    ):
        tenant = await new_tenant(first)
        await first.desk.limits.start()  # it has met the second one only now
        with frozen(await redis_pid(own_stores)):
            allowed = 0
            for each in (first, second):
                async with each.client("c@example.com", tenant) as client:
                    said = await statuses(client, limit + 2)
                    assert set(said) == {200, 429}
                    allowed += said.count(200)
        assert 0 < allowed <= limit
