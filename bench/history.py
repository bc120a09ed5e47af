"""B5 history: what a turn costs late in a conversation, and what is kept of it, beside the stock saver."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from bench.our_chat import OurChat, new_runner
from bench.peers.stock_graph import Saver, StockChat, kept, open_saver
from bench.result import Figures, Result, at_least, at_most, require_equal
from bench.rounds import Meter, Side, store_processes
from bench.stage import Cast, Effort, Stage, open_cast
from bench.turn import ANSWER, CANNED_NODES, MESSAGE, with_chain
from desk.domain import Principal

MARKS = (10, 100, 300, 1000)
TIMED_TURNS = 5
ENDLESS = 1_000_000
OUR_TABLES = ("messages", "turns", "turn_steps", "conversations", "checkpoints", "checkpoint_writes")


@dataclass(frozen=True, slots=True)
class Talk:
    """One conversation that grows; `kept` asks for the rows and bytes that are stored of it."""

    side: Side
    kept: Callable[[], Awaitable[tuple[int, int]]]


async def measure(stage: Stage, effort: Effort) -> Result:
    """Both conversations grow to each mark in turn; the last five turns before it are timed."""
    stores = store_processes()
    marks = [mark for mark in MARKS if mark <= effort.longest_talk] or [effort.longest_talk]
    async with open_cast(stage) as cast, open_saver(stage.stores.migration_database_url) as saver:
        meter = Meter(cast.services.engine.database, stores)
        talks = (_our_talk(cast), _stock_talk(saver))
        axis: list[dict[str, Any]] = []
        for before, mark in zip([0, *marks], marks, strict=False):
            stage.say(f"history: turn {mark}")
            row: dict[str, Any] = {"turn": mark}
            for talk in talks:
                row[talk.side.name] = await _grow(talk, meter, mark - before, mark)
            row["ratio"] = {name: round(row["peer"][name] / row["ours"][name], 2) for name in row["ours"]}
            axis.append(row)
    first, last = axis[0], axis[-1]
    slower = last["ours"]["p50_ms"] / first["ours"]["p50_ms"]
    text = len(MESSAGE) + len(ANSWER)
    goals = [
        at_most(f"turn {last['turn']} over turn {first['turn']}, time", round(slower, 2), 1.2),
        at_most("bytes kept a turn", last["ours"]["kept_bytes"], 2560 + 2 * text),
        at_least("time beside stock, last turn", last["ratio"]["p50_ms"], 3),
    ]
    title = f"Turn {last['turn']} of one conversation, beside StateGraph + AsyncPostgresSaver"
    return Result("history", title, last["ours"], last["peer"], last["ratio"], axis, goals)


def _our_talk(cast: Cast) -> Talk:
    ours = replace(cast, services=with_chain(cast.services, CANNED_NODES))
    chat = OurChat(ours, new_runner(ours), MESSAGE, talk=ENDLESS)
    return Talk(Side("ours", chat.turn, ANSWER), lambda: _kept_by_us(cast))


def _stock_talk(saver: Saver) -> Talk:
    chat = StockChat(saver, CANNED_NODES, MESSAGE, ANSWER, talk=ENDLESS)
    return Talk(Side("peer", chat.turn, ANSWER), lambda: kept(saver, chat.thread_of(0)))


async def _grow(talk: Talk, meter: Meter, turns: int, mark: int) -> Figures:
    """Run this many turns; figures of the last five, and what is kept for each turn so far."""
    timed = min(TIMED_TURNS, turns)
    await _run(talk.side, turns - timed)
    before = await meter.read(talk.side)
    seconds = await _run(talk.side, timed)
    after = await meter.read(talk.side)
    rows, size = await talk.kept()
    return {
        "p50_ms": round(median(seconds) * 1000, 2),
        "cpu_ms": round((after.cpu - before.cpu) * 1000 / timed, 3),
        "wal_bytes": round((after.wal - before.wal) / timed),
        "kept_rows": round(rows / mark, 2),
        "kept_bytes": round(size / mark),
    }


async def _run(side: Side, turns: int) -> list[float]:
    seconds: list[float] = []
    for _ in range(turns):
        began = time.perf_counter()
        answer = await side.turn(0)
        seconds.append(time.perf_counter() - began)
        require_equal(side.name, answer, side.answer)
    return seconds


async def _kept_by_us(cast: Cast) -> tuple[int, int]:
    """Rows and bytes of the tenant, who has this one conversation."""
    sizes = " union all ".join(
        f"select count(*) as n, sum(pg_column_size(t.*)) as size from {table} t"  # noqa: S608
        for table in OUR_TABLES
    )
    worker = Principal(cast.tenant.id, "worker")
    async with cast.services.engine.database.tenant_tx(worker) as tx:
        cursor = await tx.execute(f"select sum(n), sum(size) from ({sizes}) s")  # noqa: S608
        row = await cursor.fetchone()
    assert row is not None
    return int(row[0]), int(row[1])
