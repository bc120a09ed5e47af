"""Rounds are taken in turns, a wrong answer stops them, and the figures are what the counters say."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from bench.result import BenchFailed
from bench.rounds import Load, Meter, Side, compare, percentile, ratio
from desk.storage import tenants
from desk.storage.pool import Database


async def test_sides_take_turns(database: Database) -> None:
    order: list[str] = []

    def side(name: str) -> Side:
        async def turn(_worker: int) -> str:
            order.append(name)
            return "yes"

        return Side(name, turn, "yes")

    await compare([side("ours"), side("peer")], Meter(database, []), Load(rounds=2, turns=3, concurrency=1))
    assert order[-12:] == ["ours"] * 3 + ["peer"] * 3 + ["ours"] * 3 + ["peer"] * 3


async def test_a_wrong_answer_stops_the_comparison(database: Database) -> None:
    async def turn(worker: int) -> str:
        await asyncio.sleep(0)
        return "yes" if worker == 0 else "no"

    sides = [Side("ours", turn, "yes")]
    with pytest.raises(BenchFailed, match="ours answered 'no'"):
        await compare(sides, Meter(database, []), Load(rounds=1, turns=4, concurrency=2))


async def test_commits_that_write_are_counted(database: Database) -> None:
    async def write(_worker: int) -> str:
        async with database.control_tx() as tx:
            await tenants.create(tx, f"shop-{uuid.uuid4().hex}", "A shop")
        return "done"

    async def read(_worker: int) -> str:
        await database.ping()
        return "done"

    sides = [Side("writes", write, "done"), Side("reads", read, "done")]
    # Postgres, and what else runs on it, commit something of their own now and then.
    found = await compare(sides, Meter(database, []), Load(rounds=3, turns=40, concurrency=1))
    assert found["writes"]["commits"] == pytest.approx(1, abs=0.4)
    assert found["reads"]["commits"] == pytest.approx(0, abs=0.4)
    assert found["writes"]["wal_bytes"] > found["reads"]["wal_bytes"]


async def test_work_is_shared_among_the_workers(database: Database) -> None:
    workers: list[int] = []

    async def turn(worker: int) -> str:
        workers.append(worker)
        await asyncio.sleep(0)
        return "yes"

    await compare([Side("ours", turn, "yes")], Meter(database, []), Load(rounds=1, turns=8, concurrency=4))
    assert set(workers) == {0, 1, 2, 3}


def test_a_ratio_above_one_is_better_for_ours() -> None:
    ours = {"turns_per_s": 200.0, "cpu_ms": 2.0, "stores_cpu_ms": 0.0}
    peer = {"turns_per_s": 50.0, "cpu_ms": 8.0, "stores_cpu_ms": 3.0}
    assert ratio(ours, peer) == {"turns_per_s": 4.0, "cpu_ms": 4.0}


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1.0), (0.5, 3.0), (0.99, 5.0), (1.0, 5.0)])
def test_percentile(share: float, expected: float) -> None:
    assert percentile([5.0, 1.0, 3.0, 2.0, 4.0], share) == expected
