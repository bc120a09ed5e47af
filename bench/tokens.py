"""B4 tokens: what a streamed token costs on the whole way from a model to a reader, many streams at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Any
from uuid import uuid4

import orjson

from bench.first_token import ANSWER, MESSAGE, NODES
from bench.http import Connection
from bench.listener import Listener, Refused, request_bytes
from bench.processes import cpu_seconds, resident_mb
from bench.result import BenchFailed, Figures, Result, at_least, at_most, require_equal
from bench.rounds import percentile
from bench.served import Served, access_token, serve_desk, serve_peer
from bench.stage import Effort, Stage

PER_SECOND = 30
FEW_WORDS = 30
MOST_ROUNDS = 3
# So many are opened at a time: opening is not what is measured.
OPENED_AT_ONCE = 4
LONGEST_SECONDS = 240.0


@dataclass(frozen=True, slots=True)
class Point:
    """How many streams at once, of how many words; the peer takes part where it can."""

    streams: int
    words: int = 240
    peer: bool = True


POINTS = (Point(100), Point(300), Point(1000, peer=False))


@dataclass(slots=True)
class Teller:
    """A server that streams, and how its streams are read; `idle_mb` is its memory before the first one."""

    name: str
    served: Served
    request: Callable[[], bytes]
    mark: bytes
    word: Callable[[bytes, bytes], str]
    idle_mb: float = 0.0


@dataclass(slots=True)
class Heard:
    """What came of one point of one side, by round."""

    cpu_us: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    memory_kb: list[float] = field(default_factory=list)


async def measure(stage: Stage, effort: Effort, points: tuple[Point, ...] = POINTS) -> Result:
    """Both servers with the same model, asked in turns; the first point is the headline."""
    with serve_peer(stage, "model_server", "--answer", ANSWER) as model:
        url = f"http://127.0.0.1:{model.port}/v1"
        database = stage.stores.migration_database_url
        arguments = ["--database-url", database, "--nodes", str(NODES), "--model-url", url]
        with (
            serve_desk(
                stage,
                OPENAI_BASE_URL=url,
                OPENAI_API_KEY="none",
                DESK_MODEL_TIMEOUT_SECONDS=str(LONGEST_SECONDS),
            ) as desk,
            serve_peer(stage, "stock_langserve", *arguments) as stock,
        ):
            tellers = [_ours(desk, access_token(stage.settings)), _peer(stock)]
            control = Connection(model.port)
            for teller in tellers:
                await _listen(teller, control, streams=2, words=4)
                teller.idle_mb = resident_mb(teller.served.pid)
            axis: list[dict[str, Any]] = []
            for point in points:
                stage.say(f"tokens: {point.streams} streams")
                axis.append(await _measure_point(tellers, control, point, effort))
    return _result(axis)


def _result(axis: list[dict[str, Any]]) -> Result:
    first, last = axis[0], axis[-1]
    # A clock of 10 ms steps finds no CPU time in a few tokens; what cannot be told is no goal met.
    beside = first["ratio"].get("cpu_us", 0.0)
    goals = [
        at_most("CPU-us a token", first["ours"]["cpu_us"], 25),
        at_least("CPU a token beside LangServe", beside, 8),
        at_most(
            f"p95 added between tokens in ms, {last['streams']} streams", last["ours"]["added_p95_ms"], 50
        ),
    ]
    title = (
        f"A token of {first['streams']} streams at {PER_SECOND} a second each, from the model to the reader,"
        " beside ChatOpenAI over LangServe"
    )
    return Result("tokens", title, first["ours"], first.get("peer", {}), first["ratio"], axis, goals)


def _ours(served: Served, token: str) -> Teller:
    headers = {"authorization": f"Bearer {token}"}
    request = request_bytes("/api/v1/chat/stream", {"message": MESSAGE}, headers)

    def word(name: bytes, data: bytes) -> str:
        if name in {b"revise", b"error"}:
            raise BenchFailed(f"Our stream said {name.decode()}: {data.decode()[:200]}")
        return str(orjson.loads(data)["text"]) if name == b"token" else ""

    return Teller("ours", served, lambda: request, b"event: token", word)


def _peer(served: Served) -> Teller:
    body = {"input": {"messages": [{"type": "human", "content": MESSAGE}]}}
    mark = b'"on_chat_model_stream"'

    def request() -> bytes:
        return request_bytes("/support/stream_events", body, {"x-thread-id": str(uuid4())})

    def word(_name: bytes, data: bytes) -> str:
        return str(orjson.loads(data)["data"]["chunk"]["content"]) if mark in data else ""

    return Teller("peer", served, request, mark, word)


async def _measure_point(
    tellers: Sequence[Teller], control: Connection, point: Point, effort: Effort
) -> dict[str, Any]:
    heard = {teller.name: Heard() for teller in tellers if teller.name == "ours" or point.peer}
    few = min(FEW_WORDS, point.words // 4)
    for _ in range(min(effort.rounds, MOST_ROUNDS)):
        for teller in tellers:
            if teller.name not in heard:
                continue
            into = heard[teller.name]
            short, _, _ = await _listen(teller, control, streams=point.streams, words=few)
            long, gaps, memory_mb = await _listen(teller, control, streams=point.streams, words=point.words)
            into.cpu_us.append((long - short) * 1e6 / point.streams / (point.words - few))
            into.gaps += gaps
            into.memory_kb.append((memory_mb - teller.idle_mb) * 1024 / point.streams)
    row: dict[str, Any] = {"streams": point.streams, **{name: _figures(one) for name, one in heard.items()}}
    if "peer" in row:
        row["ratio"] = {
            name: round(row["peer"][name] / value, 2) for name, value in row["ours"].items() if value
        }
    return row


def _figures(heard: Heard) -> Figures:
    added = [max(0.0, gap - 1 / PER_SECOND) * 1000 for gap in heard.gaps]
    return {
        "cpu_us": round(median(heard.cpu_us), 1),
        "memory_kb": round(median(heard.memory_kb), 1),
        "added_p50_ms": round(percentile(added, 0.5), 2),
        "added_p95_ms": round(percentile(added, 0.95), 2),
        "added_p99_ms": round(percentile(added, 0.99), 2),
    }


async def _listen(
    teller: Teller, control: Connection, *, streams: int, words: int
) -> tuple[float, list[float], float]:
    """CPU seconds of so many streams, the gaps between words while all of them run, and the memory then."""
    text = text_of(words)
    await control.post("/pace", {"text": text, "per_second": PER_SECOND, "together": streams}, {})
    before = cpu_seconds(teller.served.pid)
    opening = asyncio.Semaphore(OPENED_AT_ONCE)
    async with asyncio.timeout(LONGEST_SECONDS):
        listeners = await asyncio.gather(*(_open(teller, opening) for _ in range(streams)))
        await asyncio.sleep(words / PER_SECOND / 2)
        memory_mb = resident_mb(teller.served.pid)
        await asyncio.gather(*(listener.ended for listener in listeners))
    cpu = cpu_seconds(teller.served.pid) - before
    spoken = [_spoken(teller, listener) for listener in listeners]
    for one in spoken:
        require_equal(teller.name, "".join(word for _, word in one), text)
    return cpu, gaps_together([[time for time, _ in one] for one in spoken]), memory_mb


async def _open(teller: Teller, opening: asyncio.Semaphore) -> Listener:
    """A stream that has begun to speak; one that is refused is asked for again."""
    loop = asyncio.get_running_loop()
    while True:
        async with opening:
            listener = Listener(teller.request(), teller.mark)
            await loop.create_connection(lambda: listener, "127.0.0.1", teller.served.port)  # noqa: B023
            try:
                await listener.begun
            except Refused:
                await asyncio.sleep(0.1)
            else:
                return listener


def _spoken(teller: Teller, listener: Listener) -> list[tuple[float, str]]:
    """Each word with the time it came."""
    told = ((time, teller.word(name, data)) for time, name, data in listener.events())
    return [(time, word) for time, word in told if word]


def gaps_together(streams: Sequence[Sequence[float]]) -> list[float]:
    """The gaps between the times of each stream, from when the last has begun until the first one ends."""
    begin, end = max(times[0] for times in streams), min(times[-1] for times in streams)
    return [
        after - before
        for times in streams
        for before, after in pairwise(times)
        if before >= begin and after <= end
    ]


def text_of(words: int) -> str:
    """So many words that need no source to stand on."""
    pool = ANSWER.split(" ")
    return " ".join(pool[place % len(pool)] for place in range(words))
