"""One limit over two processes that 200 clients ask at once: used up, never exceeded, also without Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx
import pytest

from desk.domain import TenantSettings
from desk.embedded import Engines
from tests.plugins.stores import temporary_home
from tests.server.conftest import bearer
from tests.server.replicas import Replica, frozen, new_tenant, redis_pid, replica, replica_settings
from tests.server.test_shutdown import other_process

CLIENTS = 200
LIMIT = 1000
NO_LIMITS = {
    f"DESK_{whose}RATE_LIMIT_PER_{window}": "1000000"
    for whose in ("ADDRESS_", "TENANT_")
    for window in ("MINUTE", "HOUR")
}


@pytest.fixture(scope="module")
async def place(own_stores: Engines) -> AsyncIterator[Replica]:
    with temporary_home() as home:
        async with replica(replica_settings(own_stores, Path(home))) as found:
            yield found


@pytest.fixture(scope="module")
async def urls(own_stores: Engines, place: Replica) -> AsyncIterator[list[str]]:
    async with (
        other_process(own_stores, place, **NO_LIMITS) as (_, one),
        other_process(own_stores, place, **NO_LIMITS) as (_, other),
    ):
        yield [one, other]


async def accepted(urls: Sequence[str], headers: Sequence[dict[str, str]]) -> int:
    """How many requests are let in, when all clients ask both processes until both refuse each of them."""

    async def client(number: int) -> int:
        counted, began = 0, time.monotonic()
        async with httpx.AsyncClient(headers=headers[number % len(headers)], timeout=60) as asking:
            open_ones = list(urls)
            while open_ones:
                url = open_ones[number % len(open_ones)]
                status = (await asking.get(f"{url}/api/v1/me")).status_code
                assert status in (200, 429, 503), "so many new people at once may wait too long for Postgres"
                if status == 429:
                    open_ones.remove(url)
                counted += status == 200
        assert time.monotonic() - began < 50, "the window must not move on meanwhile"
        return counted

    return sum(await asyncio.gather(*(client(number) for number in range(CLIENTS))))


async def test_one_person_from_200_clients(place: Replica, urls: list[str]) -> None:
    slug = await new_tenant(place, TenantSettings(rate_limit_per_minute=LIMIT, rate_limit_per_hour=10**6))
    let_in = await accepted(urls, [bearer(place.issuer, "ann@x.org", "user", slug)])
    assert 0.99 * LIMIT <= let_in <= LIMIT


async def test_one_tenant_with_200_people(place: Replica, urls: list[str]) -> None:
    slug = await new_tenant(place, TenantSettings(tenant_rate_limit_per_minute=LIMIT))
    people = [bearer(place.issuer, f"{number}@x.org", "user", slug) for number in range(CLIENTS)]
    assert 0.99 * LIMIT <= await accepted(urls, people) <= LIMIT


async def test_with_redis_dead_all_together_are_let_in_no_more_often(
    place: Replica, urls: list[str], own_stores: Engines
) -> None:
    slug = await new_tenant(place, TenantSettings(rate_limit_per_minute=LIMIT, rate_limit_per_hour=10**6))
    headers = bearer(place.issuer, "ann@x.org", "user", slug)
    with frozen(await redis_pid(own_stores)):
        assert 0 < await accepted(urls, [headers]) <= LIMIT
