"""A crowd of clients that asks two processes until both refuse it, and how many requests were let in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from desk.domain import TenantSettings
from desk.embedded import Engines
from tests.server.conftest import bearer
from tests.server.replicas import Replica, frozen, new_tenant, redis_pid, replica, replica_settings
from tests.server.test_shutdown import other_process

CLIENTS = 200
LIMIT = 1000
LEAST = 990  # more than a hundredth of what was promised must not be lost
NO_LIMITS = {
    f"DESK_{whose}RATE_LIMIT_PER_{window}": "1000000"
    for whose in ("ADDRESS_", "TENANT_")
    for window in ("MINUTE", "HOUR")
}


@dataclass(frozen=True, slots=True)
class Crowd:
    """Two hundred clients before two processes."""

    place: Replica
    stores: Engines
    urls: tuple[str, str]

    async def as_one_person(self) -> int:
        """How many of their requests are let in when all are one person."""
        return await self._let_in([await self._person()])

    async def as_one_tenant(self) -> int:
        """How many when each is somebody else of one tenant."""
        slug = await new_tenant(self.place, TenantSettings(tenant_rate_limit_per_minute=LIMIT))
        issuer = self.place.issuer
        return await self._let_in(
            [bearer(issuer, f"{number}@x.org", "user", slug) for number in range(CLIENTS)]
        )

    async def with_redis_dead(self) -> int:
        """How many when all are one person and Redis does not answer."""
        headers = await self._person()
        with frozen(await redis_pid(self.stores)):
            return await self._let_in([headers])

    async def _person(self) -> dict[str, str]:
        settings = TenantSettings(rate_limit_per_minute=LIMIT, rate_limit_per_hour=10**6)
        return bearer(self.place.issuer, "ann@x.org", "user", await new_tenant(self.place, settings))

    async def _let_in(self, headers: Sequence[dict[str, str]]) -> int:
        """All ask both processes until both refuse each of them."""
        clients = (_client(number, self.urls, headers) for number in range(CLIENTS))
        return sum(await asyncio.gather(*clients))


async def _client(number: int, urls: Sequence[str], headers: Sequence[dict[str, str]]) -> int:
    let_in, began = 0, time.monotonic()
    async with httpx.AsyncClient(headers=headers[number % len(headers)], timeout=60) as asking:
        open_ones = list(urls)
        while open_ones:
            url = open_ones[number % len(open_ones)]
            status = (await asking.get(f"{url}/api/v1/me")).status_code
            assert status in (200, 429, 503), "so many new people at once may wait too long for Postgres"
            if status == 429:
                open_ones.remove(url)
            let_in += status == 200
    assert time.monotonic() - began < 50, "the window must not move on meanwhile"
    return let_in


@asynccontextmanager
async def two_processes(stores: Engines, home: Path) -> AsyncIterator[Crowd]:
    """Two processes of the application on one Redis, that only ask what one person or tenant may."""
    async with (
        replica(replica_settings(stores, home)) as place,
        other_process(stores, place, **NO_LIMITS) as (_, one),
        other_process(stores, place, **NO_LIMITS) as (_, other),
    ):
        yield Crowd(place, stores, (one, other))
