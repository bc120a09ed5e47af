"""Rounds: sides take turns in the same run, and what each turn cost is read from the clocks around them."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from bench.processes import cpu_seconds, descendants
from bench.result import Figures, require_equal
from desk.storage.pool import Database

Turn = Callable[[int], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Side:
    """One of those that are compared: `turn(worker)` runs a turn and returns its answer's text.

    `pid` is the process that does the work; this one by default.
    """

    name: str
    turn: Turn
    answer: str
    pid: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """Clocks and counters at one moment; CPU in seconds, the log in bytes."""

    cpu: float
    stores_cpu: float
    commits: int
    wal: int


@dataclass(frozen=True, slots=True)
class Load:
    """How a point is measured: rounds, turns in each, and how many workers share them.

    Before each turn a worker waits at random for up to `pause` seconds, in no turn's time: without that,
    workers whose turns all wait equally long ask again and again in the same moment, as no customers do.
    """

    rounds: int
    turns: int
    concurrency: int
    pause: float = 0.0


class Meter:
    """Reads the clocks around a round. Commits are those that wrote: each takes one transaction id."""

    def __init__(self, database: Database, stores: Sequence[int]) -> None:
        self._database = database
        self._stores = stores

    async def read(self, side: Side) -> Reading:
        """All clocks for one side."""
        async with self._database.control_tx() as tx:
            cursor = await tx.execute(
                "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint,"
                " (pg_current_wal_insert_lsn() - '0/0')::bigint"
            )
            row = await cursor.fetchone()
        assert row is not None
        stores = {pid: None for store in self._stores for pid in (store, *descendants(store))}
        stores_cpu = sum(cpu_seconds(pid) for pid in stores)
        cpu = time.process_time() if side.pid is None else cpu_seconds(side.pid)
        return Reading(cpu, stores_cpu, row[0], row[1])


def store_processes() -> list[int]:
    """The embedded stores under this process; ask before any other child is started."""
    return descendants(os.getpid())


async def compare(sides: Sequence[Side], meter: Meter, load: Load) -> dict[str, Figures]:
    """Each side's figures, the median of its rounds; A, B, A, B, ... after one small round to warm up."""
    for side in sides:
        await _work(side, replace(load, turns=max(2, min(16, load.turns))))
    rounds: dict[str, list[Figures]] = {side.name: [] for side in sides}
    latencies: dict[str, list[float]] = {side.name: [] for side in sides}
    for _ in range(load.rounds):
        for side in sides:
            figures, seconds = await _round(side, meter, load)
            rounds[side.name].append(figures)
            latencies[side.name] += seconds
    return {name: _summary(rounds[name], latencies[name]) for name in rounds}


async def _round(side: Side, meter: Meter, load: Load) -> tuple[Figures, list[float]]:
    gc.collect()
    before = await meter.read(side)
    began = time.perf_counter()
    seconds = await _work(side, load)
    # Reading the other clocks takes its time, which a short round would be charged with.
    wall = time.perf_counter() - began
    after = await meter.read(side)
    per_turn = 1 / load.turns
    return {
        "turns_per_s": load.turns / wall,
        "cpu_ms": (after.cpu - before.cpu) * 1000 * per_turn,
        "stores_cpu_ms": (after.stores_cpu - before.stores_cpu) * 1000 * per_turn,
        "commits": (after.commits - before.commits) * per_turn,
        "wal_bytes": (after.wal - before.wal) * per_turn,
    }, seconds


async def _work(side: Side, load: Load) -> list[float]:
    """Run the turns, shared among the workers; returns how long each took."""
    left = iter(range(load.turns))
    seconds: list[float] = []

    async def work(worker: int) -> None:
        chance = random.Random(worker)
        for _ in left:
            if load.pause:
                await asyncio.sleep(chance.uniform(0, load.pause))
            began = time.perf_counter()
            answer = await side.turn(worker)
            seconds.append(time.perf_counter() - began)
            require_equal(side.name, answer, side.answer)

    await asyncio.gather(*(work(worker) for worker in range(min(load.concurrency, load.turns))))
    return seconds


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def ratio(ours: Figures, peer: Figures) -> Figures:
    """How many times better ours is, figure by figure; what is 0 on our side is left out."""
    found = {"turns_per_s": ours["turns_per_s"] / peer["turns_per_s"]}
    costs = ours.keys() - {"turns_per_s", "spread"}
    found |= {name: peer[name] / ours[name] for name in ours if name in costs and ours[name]}
    return {name: round(value, 2) for name, value in found.items()}


def _summary(rounds: list[Figures], latencies: list[float]) -> Figures:
    figures = {name: round(median(one[name] for one in rounds), 3) for name in rounds[0]}
    speeds = [one["turns_per_s"] for one in rounds]
    figures["spread"] = round(max(speeds) / min(speeds), 2)
    figures["p50_ms"] = round(percentile(latencies, 0.5) * 1000, 2)
    figures["p99_ms"] = round(percentile(latencies, 0.99) * 1000, 2)
    return figures
