"""P6: nobody waits for long for something that is stuck: Postgres, its locks, Redis, or a model.

While Postgres is frozen, or its tables are locked, customers get a typed error soon and try again with the
same key. While Redis is frozen, stopped or flushed their turns go on, hardly slower. A hung model is left.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import psycopg

from tests.chaos.bookshop import SLUG, open_bookshop
from tests.chaos.customer import Customer, Manner
from tests.chaos.history import Attempt, History, Sent
from tests.chaos.stage import Stage
from tests.chaos.stores import frozen
from tests.chaos.traffic import Traffic
from tests.graphs.conversing import POINTS
from tests.measured.figures import Section, percentile
from tests.servers.openai_wire import Fault, say

CUSTOMERS = 16
HUNG = (
    Fault.HANG_BEFORE_HEADERS,
    Fault.HANG_MID_STREAM,
    Fault.KEEPALIVES_ONLY,
    Fault.EMPTY_DELTAS,
)

Trouble = Callable[[], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class Effort:
    """How often a store is stuck and for how long (seconds), the pace of turns then, and a model's time."""

    times: int
    stuck_seconds: float
    pace: float
    model_seconds: float = 29.0


async def measure(stage: Stage, effort: Effort) -> Section:
    """P6."""
    section = Section.of("P6", "Waits are bounded", __doc__)
    with section.timed():
        await _postgres(stage, effort, section)
        await _redis(stage, effort, section)
        await _model(stage, effort, section)
    return section


async def _postgres(stage: Stage, effort: Effort, section: Section) -> None:
    """Frozen or locked: every request of that time has an answer, and every turn is answered once later."""
    await stage.fleet.start()
    await stage.fleet.start()
    for what, trouble in (("frozen", _frozen_postgres(stage)), ("locked", _locked_postgres(stage))):
        history = History()
        slug = (await stage.tenant()).slug
        met: list[Attempt] = []
        for number in range(effort.times):
            met += await _meet(stage, effort, history, slug, trouble, number)
        verdict = await stage.settled(history)
        trials = f"{len(met)} requests in {effort.times} times {effort.stuck_seconds:g} s"
        untyped = [attempt for attempt in met if attempt.status not in (200, 503)]
        slowest = max(attempt.seconds for attempt in met if attempt.status != 200)
        section.at_most(f"Postgres {what}: slowest typed error", slowest, 5, "s", trials)
        section.none(f"Postgres {what}: answers that are no typed error", len(untyped), trials)
        wrong = len(verdict.findings)
        section.none(f"Postgres {what}: turns lost, doubled, out of order", wrong, f"{verdict.keys} turns")
        section.notes += [str(finding) for finding in verdict.findings[:3]]
    await stage.fleet.end_all()


async def _meet(
    stage: Stage, effort: Effort, history: History, slug: str, trouble: Trouble, number: int
) -> list[Attempt]:
    """The attempts that began while Postgres was stuck."""
    talks = [history.begin(slug, f"c{number}-{one}@x.org") for one in range(CUSTOMERS)]
    customers = [Customer(stage.fleet, talk) for talk in talks]
    await asyncio.gather(*(customer.say("say 1 every 0") for customer in customers))
    async with asyncio.TaskGroup() as group, trouble():
        began = time.monotonic()
        for one, customer in enumerate(customers):
            manner = Manner(how="send" if one % 2 else "stream")
            group.create_task(customer.say("say 2 every 0.05; record", manner))
            await asyncio.sleep(0.1)
        await asyncio.sleep(effort.stuck_seconds - CUSTOMERS * 0.1)
        ended = time.monotonic()
    attempts = [attempt for talk in talks for sent in talk.sent[1:] for attempt in sent.attempts]
    return [attempt for attempt in attempts if began <= attempt.at <= ended]


def _frozen_postgres(stage: Stage) -> Trouble:
    @asynccontextmanager
    async def trouble() -> AsyncIterator[None]:
        with frozen(stage.stores.postgres_pids()):
            yield

    return trouble


def _locked_postgres(stage: Stage) -> Trouble:
    @asynccontextmanager
    async def trouble() -> AsyncIterator[None]:
        url = stage.stores.engines.migration_database_url
        async with await psycopg.AsyncConnection.connect(url) as owner:
            await owner.execute("lock table shared.turns, shared.messages in access exclusive mode")
            yield

    return trouble


async def _redis(stage: Stage, effort: Effort, section: Section) -> None:
    replica = await stage.fleet.start()
    traffic = Traffic(stage.fleet, replica, [await stage.tenant()], effort.pace)
    troubles = {
        "frozen": _frozen_redis(stage),
        "stopped": _stopped_redis(stage),
        "flushed": _flushed_redis(stage),
    }
    await traffic.window(1.0)
    for what, trouble in troubles.items():
        usual: list[float] = []
        found: list[float] = []
        for _ in range(effort.times):
            usual += await traffic.window(effort.stuck_seconds)
            async with trouble():
                found += await traffic.window(effort.stuck_seconds)
        more = (percentile(found, 99) - percentile(usual, 99)) * 1000
        section.at_most(
            f"Redis {what}: p99 of a turn, more than usual", more, 300, "ms", f"{len(found):,} turns"
        )
    section.none("Redis away: turns that failed", traffic.failed, "the same turns")
    await stage.fleet.end_all()


def _frozen_redis(stage: Stage) -> Trouble:
    @asynccontextmanager
    async def trouble() -> AsyncIterator[None]:
        with frozen([await stage.stores.redis_pid()]):
            yield

    return trouble


def _stopped_redis(stage: Stage) -> Trouble:
    @asynccontextmanager
    async def trouble() -> AsyncIterator[None]:
        await stage.stores.stop("redis")
        yield
        await stage.stores.start("redis")

    return trouble


def _flushed_redis(stage: Stage) -> Trouble:
    async def flush() -> None:
        while True:
            await stage.stores.flush_redis()
            await asyncio.sleep(0.2)

    @asynccontextmanager
    async def trouble() -> AsyncIterator[None]:
        flushing = asyncio.create_task(flush())
        yield
        flushing.cancel()
        await asyncio.gather(flushing, return_exceptions=True)

    return trouble


async def _model(stage: Stage, effort: Effort, section: Section) -> None:
    """A hung model: its customers hear soon that it is left, and have an answer without it."""
    history = History()
    async with open_bookshop(stage) as shop:
        for fault in HUNG:
            # A replica of its own, as the breaker of the last one would spare the next.
            replica = await shop.replica(DESK_MODEL_TIMEOUT_SECONDS=str(effort.model_seconds))
            await Customer(stage.fleet, history.begin(SLUG, "first@x.org")).say("hi", at=replica)
            shop.wire.script([say("We ", fault=fault)])
            talks = [history.begin(SLUG, f"c{number}@x.org") for number in range(CUSTOMERS)]
            await asyncio.gather(*(Customer(stage.fleet, talk).say(POINTS, at=replica) for talk in talks))
            await stage.fleet.end_all()
        verdict = await stage.settled(history)
    waits = [_waits(sent) for sent in history.sent if sent.message == POINTS]
    trials = f"{len(waits)} turns, {len(HUNG)} ways to hang"
    section.at_most("model hung: first event of the fallback", max(w[0] for w in waits), 10, "s", trials)
    section.at_most("model hung: end of the turn", max(wait[1] for wait in waits), 30, "s", trials)
    section.none("model hung: turns without an answer", len(verdict.findings), trials)
    section.notes += [str(finding) for finding in verdict.findings[:3]]


def _waits(sent: Sent) -> tuple[float, float]:
    """Seconds to the first sign that something else is done, and to the last event."""
    began, events = sent.attempts[0].at, sent.attempts[0].events
    signs = [event.at - began for event in events if event.name in ("degraded", "revise")]
    return min(signs, default=float("inf")), events[-1].at - began
