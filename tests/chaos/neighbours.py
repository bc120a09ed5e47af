"""P7: what one tenant does, the others hardly feel: its writes take two seconds, or it sends ten times more.

Three tenants talk at a steady pace to one replica, which all share. For some seconds a fourth one is a bad
neighbour, then it is not, in turns; the others' times with it and without it are compared.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psycopg

from desk.domain import Tenant
from tests.chaos.stage import Stage
from tests.chaos.traffic import Traffic
from tests.measured.figures import Section, percentile

OTHERS = 3
SLOW_SECONDS = 2.0
LOUD_TIMES = 10
# As many customers of the slow tenant wait at once: more than the process has connections.
SLOW_CUSTOMERS = 24


@dataclass(frozen=True, slots=True)
class Effort:
    """Turns a second of each good tenant, seconds of each window, and how many of either kind."""

    pace: float
    seconds: float
    windows: int


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The good tenants' traffic, and the bad one's."""

    effort: Effort
    good: Traffic
    bad: Traffic

    async def compare(self, misbehave: Callable[[], Awaitable[None]]) -> tuple[list[float], list[float]]:
        """The others' seconds without the bad neighbour and with it, in windows that take turns."""
        alone: list[float] = []
        beside: list[float] = []
        for _ in range(self.effort.windows):
            alone += await self.good.window(self.effort.seconds)
            async with _meanwhile(misbehave):
                await asyncio.sleep(0.3)
                beside += await self.good.window(self.effort.seconds)
            await asyncio.sleep(SLOW_SECONDS)
        return alone, beside

    async def be_slow(self) -> None:
        """Many of its customers wait at a time, each for one answer after the other."""
        await asyncio.gather(*(self._insist() for _ in range(SLOW_CUSTOMERS)))

    async def be_loud(self) -> None:
        """It sends at its pace."""
        async with asyncio.TaskGroup() as turns:
            while True:
                turns.create_task(self.bad.turn(self.bad.tenants[0]))
                await self.bad.rest()

    async def _insist(self) -> None:
        while True:
            await self.bad.turn(self.bad.tenants[0])


@asynccontextmanager
async def _meanwhile(work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(work())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def slow_writes(owner_url: str, tenant: Tenant) -> AsyncIterator[None]:
    """Every message of the tenant takes two seconds to write, in the database itself."""
    function = (
        "create function shared.dawdle() returns trigger language plpgsql as $$ begin"
        f" if new.tenant_id = '{tenant.id}' then perform pg_sleep({SLOW_SECONDS}); end if;"
        " return new; end $$"
    )
    trigger = (
        "create trigger dawdle before insert on shared.turns for each row execute function shared.dawdle()"
    )
    async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as owner:
        await owner.execute(function.encode())
        await owner.execute(trigger.encode())
        try:
            yield
        finally:
            await owner.execute("drop trigger dawdle on shared.turns")
            await owner.execute("drop function shared.dawdle")


async def measure(stage: Stage, effort: Effort) -> Section:
    """P7."""
    section = Section.of("P7", "Neighbours are not felt", __doc__)
    replica = await stage.fleet.start()
    others = [await stage.tenant() for _ in range(OTHERS)]
    good = Traffic(stage.fleet, replica, others, effort.pace * OTHERS)
    bad = Traffic(stage.fleet, replica, [await stage.tenant()], effort.pace * LOUD_TIMES)
    both = Neighbours(effort, good, bad)
    with section.timed():
        async with slow_writes(stage.stores.engines.migration_database_url, bad.tenants[0]):
            _compare(section, f"writes of one take {SLOW_SECONDS:g} s", *await both.compare(both.be_slow))
        _compare(section, f"one sends {LOUD_TIMES} times as much", *await both.compare(both.be_loud))
    await stage.fleet.end_all()
    section.none("turns of the others not answered", good.failed, "the same turns")
    return section


def _compare(section: Section, what: str, alone: list[float], beside: list[float]) -> None:
    usual, found = percentile(alone, 99) * 1000, percentile(beside, 99) * 1000
    goal = max(usual * 1.2, usual + 50)
    trials = f"{len(alone):,} turns without, {len(beside):,} with; p99 without is {usual:.0f} ms"
    section.at_most(f"p99 of the others, {what}", found, round(goal), "ms", trials)
