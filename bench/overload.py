"""B11 overload: what is still answered when more is asked than can be, and when the model is dead."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from bench.canned import MESSAGE, DeskClient
from bench.crowd import PATIENCE_SECONDS, Counter, come
from bench.first_token import MESSAGE as MODEL_QUESTION
from bench.http import Busy, Connection
from bench.result import BenchFailed, Result, at_least, at_most
from bench.rounds import percentile
from bench.served import Served, access_token, serve_desk, serve_peer
from bench.stage import Effort, Stage
from bench.turn import CANNED_NODES

# Times the peak; the first is the headline.
LOADS = (3.0, 0.5, 1.0, 5.0)
CONCURRENCY = 16
MODEL_WAITERS = 8
DEAD_MS = 3_600_000
# Long enough for the queue of a server that keeps one to fill.
MOST_SECONDS = 6.0
_MOST_TRIES = 40
_MOMENT_SECONDS = 0.05


async def measure(stage: Stage, effort: Effort, loads: tuple[float, ...] = LOADS) -> Result:
    """Peak first, each server by itself with the other one idle; then the crowd at each load."""
    with serve_peer(stage, "model_server", "--answer", "never said") as model:
        await Connection(model.port).post("/wait", {"ms": DEAD_MS}, {})
        url = f"http://127.0.0.1:{model.port}/v1"
        with serve_desk(stage, OPENAI_BASE_URL=url, OPENAI_API_KEY="none") as desk:
            token = access_token(stage.settings)
            client = DeskClient(desk, token)
            answer = await client.turn(0)
            arguments = ["--nodes", str(CANNED_NODES), "--answer", answer]
            database = stage.stores.migration_database_url
            with serve_peer(stage, "stock_langserve", "--database-url", database, *arguments) as stock:
                counters = (_ours(desk, token, answer), _peer(stock, answer))
                peaks = {one.name: await _peak(one, effort) for one in counters}
                axis: list[dict[str, Any]] = []
                for load in loads:
                    stage.say(f"overload: {load:g} times the peak")
                    axis.append(await _row(counters, peaks, load, effort))
            stage.say("overload: canned answers while the model is dead")
            async with _waiting_for_the_model(desk, token):
                dead_model_ms = await _canned_p99_ms(client, effort)
    return _result(axis, dead_model_ms)


def _result(axis: list[dict[str, Any]], dead_model_ms: float) -> Result:
    first = axis[0]
    ours = first["ours"] | {"canned_p99_ms_model_dead": dead_model_ms}
    goals = [
        at_least(f"share of the peak at {first['load']:g} times the load", ours["of_peak"], 0.9),
        at_most("p99 of canned answers in ms while the model is dead", dead_model_ms, 200),
    ]
    if "refused_p95_ms" in ours:
        goals.append(at_most("p95 of a refusal in ms", ours["refused_p95_ms"], 20))
    title = (
        f"Answers within {PATIENCE_SECONDS:g} s when {first['load']:g} times as many come as can be answered,"
        " beside the stock graph over LangServe"
    )
    return Result("overload", title, ours, first["peer"], first["ratio"], axis, goals)


async def _row(
    counters: tuple[Counter, ...], peaks: dict[str, float], load: float, effort: Effort
) -> dict[str, Any]:
    row: dict[str, Any] = {"load": load}
    for counter in counters:
        peak = peaks[counter.name]
        figures = await come(counter, peak * load, min(MOST_SECONDS, effort.turns / 16))
        row[counter.name] = figures | {"of_peak": round(figures["answered_per_s"] / peak, 3)}
        await asyncio.sleep(PATIENCE_SECONDS)
    ours, peer = row["ours"], row["peer"]
    row["ratio"] = {
        name: round(ours[name] / peer[name], 2) for name in ("answered_per_s", "of_peak") if peer[name]
    }
    return row


async def _peak(counter: Counter, effort: Effort) -> float:
    """Answers a second when the next customer of each connection comes when the one before is served."""
    turns = max(CONCURRENCY, effort.turns * 4)
    left = iter(range(turns))

    async def work() -> None:
        connection = Connection(counter.port)
        for _ in left:
            await _patiently(lambda: connection.post(counter.path, counter.body(), counter.headers()))
        connection.close()

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(CONCURRENCY)))
    return turns / (time.perf_counter() - began)


@asynccontextmanager
async def _waiting_for_the_model(desk: Served, token: str) -> AsyncIterator[None]:
    """Customers whose questions only a model could answer, for the life of the context."""
    headers = {"authorization": f"Bearer {token}"}

    async def wait() -> None:
        while True:
            with contextlib.suppress(BenchFailed, OSError):
                await Connection(desk.port).post("/api/v1/chat/", {"message": MODEL_QUESTION}, headers)
            await asyncio.sleep(0.05)

    waiters = [asyncio.create_task(wait()) for _ in range(MODEL_WAITERS)]
    await asyncio.sleep(0.5)
    yield
    for waiter in waiters:
        waiter.cancel()
    await asyncio.gather(*waiters, return_exceptions=True)


async def _canned_p99_ms(client: DeskClient, effort: Effort) -> float:
    left = iter(range(max(CONCURRENCY, effort.turns * effort.rounds)))
    seconds: list[float] = []

    async def work(worker: int) -> None:
        for _ in left:
            began = time.perf_counter()
            await _patiently(lambda: client.turn(worker))
            seconds.append(time.perf_counter() - began)

    await asyncio.gather(*(work(worker) for worker in range(CONCURRENCY)))
    return round(percentile(seconds, 0.99) * 1000, 2)


async def _patiently(turn: Callable[[], Awaitable[Any]]) -> None:
    """Again in a moment where the server is too busy; that counts as the time that it took."""
    for _ in range(_MOST_TRIES):
        with contextlib.suppress(Busy):
            await turn()
            return
        await asyncio.sleep(_MOMENT_SECONDS)
    raise BenchFailed(f"The server was busy {_MOST_TRIES} times in a row.")


def _ours(served: Served, token: str, answer: str) -> Counter:
    headers = {"authorization": f"Bearer {token}"}
    body = {"message": MESSAGE}

    def text(reply: Any) -> str:
        return str(reply["reply"]["text"])

    return Counter("ours", served.port, "/api/v1/chat/", lambda: body, lambda: headers, text, answer)


def _peer(served: Served, answer: str) -> Counter:
    body = {"input": {"messages": [{"type": "human", "content": MESSAGE}]}}

    def headers() -> dict[str, str]:
        return {"x-thread-id": str(uuid4())}

    def text(reply: Any) -> str:
        return str(reply["output"]["messages"][-1]["content"])

    return Counter("peer", served.port, "/support/invoke", lambda: body, headers, text, answer)
