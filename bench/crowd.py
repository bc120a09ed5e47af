"""A crowd: customers who come at a given rate, whether or not those before them have been answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from bench.http import Connection
from bench.result import BenchFailed, Figures, require_equal
from bench.rounds import percentile

# A customer is served well when the answer comes within this, and goes away when it has not come.
PATIENCE_SECONDS = 1.0
_REFUSED = 429


@dataclass(frozen=True, slots=True)
class Counter:
    """A server as a customer sees it: what is sent, and which text its answer must hold."""

    name: str
    port: int
    path: str
    body: Callable[[], Any]
    headers: Callable[[], dict[str, str]]
    text: Callable[[Any], str]
    answer: str


@dataclass(slots=True)
class Count:
    """What became of the crowd: seconds that answers and refusals took, and who went away unheard."""

    answered: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    gone: int = 0


async def come(counter: Counter, per_second: float, seconds: float) -> Figures:
    """Let them come for so long, and wait until the last has an answer or is gone."""
    count, idle = Count(), list[Connection]()
    began = time.perf_counter()
    coming: set[asyncio.Task[None]] = set()
    for place in range(max(1, round(per_second * seconds))):
        await asyncio.sleep(max(0.0, began + place / per_second - time.perf_counter()))
        visit = asyncio.create_task(_visit(counter, idle, count))
        coming.add(visit)
        visit.add_done_callback(coming.discard)
    took = time.perf_counter() - began
    await asyncio.gather(*coming)
    for connection in idle:
        connection.close()
    return _figures(count, took)


async def _visit(counter: Counter, idle: list[Connection], count: Count) -> None:
    connection = idle.pop() if idle else Connection(counter.port)
    began = time.perf_counter()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            status, answer = await connection.ask(counter.path, counter.body(), counter.headers())
    except (TimeoutError, BenchFailed, OSError):
        count.gone += 1
        connection.close()
        return
    idle.append(connection)
    seconds = time.perf_counter() - began
    if status == _REFUSED:
        count.refused.append(seconds)
        return
    if status != 200:
        raise BenchFailed(f"{counter.name} answered {status}: {answer[:200]!r}")
    require_equal(counter.name, counter.text(orjson.loads(answer)), counter.answer)
    count.answered.append(seconds)


def _figures(count: Count, took: float) -> Figures:
    everybody = len(count.answered) + len(count.refused) + count.gone
    figures = {
        "came_per_s": everybody / took,
        "answered_per_s": len(count.answered) / took,
        "refused_share": len(count.refused) / everybody,
        "gone_share": count.gone / everybody,
    }
    for name, seconds in (("answered", count.answered), ("refused", count.refused)):
        if seconds:
            figures[f"{name}_p50_ms"] = percentile(seconds, 0.5) * 1000
            figures[f"{name}_p95_ms"] = percentile(seconds, 0.95) * 1000
            figures[f"{name}_p99_ms"] = percentile(seconds, 0.99) * 1000
    return {name: round(value, 3) for name, value in figures.items()}
