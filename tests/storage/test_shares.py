"""Shares: a tenant whose statements are slow leaves connections to the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from desk.domain import Principal, Tenant, TenantId, new_id
from desk.embedded import Engines
from desk.errors import Unavailable
from desk.storage.pool import Database
from desk.storage.shares import MOST_IN_LINE, Shares
from tests.server.replicas import until

ONE, OTHER = TenantId(new_id()), TenantId(new_id())


@pytest.fixture
async def narrow(migrated: Engines) -> AsyncIterator[Database]:
    """A database with five connections, of which a tenant has three."""
    database = Database(migrated.database_url, size=5, acquire_seconds=0.5)
    await database.open()
    yield database
    await database.close()


async def sleep_in(database: Database, principal: Principal, seconds: float) -> None:
    async with database.tenant_tx(principal) as tx:
        await tx.execute("select pg_sleep(%s)", (seconds,))


async def test_others_are_served_while_one_tenant_is_slow(narrow: Database, tenant: Tenant) -> None:
    slow, other = Principal(tenant.id, "worker"), Principal(TenantId(new_id()), "worker")
    hogs = [asyncio.create_task(sleep_in(narrow, slow, 1.5)) for _ in range(8)]
    await asyncio.sleep(0.2)
    assert narrow.waiting() == 0, "its own line holds up nobody else"
    async with asyncio.timeout(1.0):
        await sleep_in(narrow, other, 0)
    ends = await asyncio.gather(*hogs, return_exceptions=True)
    assert [type(end) for end in ends].count(Unavailable) == 5


async def test_who_waits_for_a_connection_itself_is_counted(migrated: Engines) -> None:
    database = Database(migrated.database_url, size=2, acquire_seconds=30)
    await database.open()
    enough = asyncio.Event()

    async def hold() -> None:
        async with database.tenant_tx(Principal(TenantId(new_id()), "worker")):
            await enough.wait()

    async def three_wait() -> bool:
        return database.waiting() == 3

    holders = [asyncio.create_task(hold()) for _ in range(5)]
    await until(three_wait)
    enough.set()
    await asyncio.gather(*holders)
    assert database.waiting() == 0
    await database.close()


async def test_a_share_is_free_again_after_whatever_happens(narrow: Database, tenant: Tenant) -> None:
    principal = Principal(tenant.id, "worker")

    async def fail() -> None:
        async with narrow.tenant_tx(principal):
            raise RuntimeError("on purpose")

    for _ in range(8):
        with pytest.raises(RuntimeError):
            await fail()
        given_up = asyncio.create_task(sleep_in(narrow, principal, 5))
        await asyncio.sleep(0.02)
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
    await sleep_in(narrow, principal, 0)


async def test_a_line_is_served_in_order() -> None:
    shares = Shares(1)
    assert await shares.take(ONE, 1)
    served: list[int] = []

    async def wait(number: int) -> None:
        assert await shares.take(ONE, 5)
        served.append(number)
        shares.leave(ONE)

    waiting = [asyncio.create_task(wait(number)) for number in range(5)]
    await asyncio.sleep(0)
    waiting[2].cancel()
    shares.leave(ONE)
    await asyncio.gather(*waiting, return_exceptions=True)
    assert served == [0, 1, 3, 4]


async def test_a_place_given_to_who_leaves_at_that_moment_is_not_lost() -> None:
    shares = Shares(1)
    assert await shares.take(ONE, 1)
    leaving = asyncio.create_task(shares.take(ONE, 5))
    await asyncio.sleep(0)
    shares.leave(ONE)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    assert await shares.take(ONE, 0.1)


async def test_who_would_stand_too_far_back_is_refused_at_once() -> None:
    shares = Shares(1)
    assert await shares.take(ONE, 1)
    line = [asyncio.create_task(shares.take(ONE, 60)) for _ in range(MOST_IN_LINE)]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        assert not await shares.take(ONE, 60)
        assert await shares.take(OTHER, 60)
    for one in line:
        one.cancel()
    await asyncio.gather(*line, return_exceptions=True)
