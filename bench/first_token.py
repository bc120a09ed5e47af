"""B3 first token: what we add to the time until a model's first token, over server-sent events."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson

from bench.http import Connection
from bench.result import BenchFailed, Figures, Result, at_least, at_most
from bench.rounds import Load, Meter, Side, compare, percentile, ratio, store_processes
from bench.served import Served, access_token, serve_desk, serve_peer
from bench.stage import Effort, Stage
from desk.storage.pool import Database

# A question that no FAQ answers, and an answer that needs no source to stand on.
MESSAGE = "What do you think of the smell of old paper on a rainy afternoon?"
ANSWER = (
    "Thank you for asking, that is a lovely thought, and our people in the shop would gladly agree with you."
)
NODES = 5


@dataclass(frozen=True, slots=True)
class Point:
    """How many readers at once, and how long the model thinks before it answers."""

    concurrency: int
    model_ms: int


POINTS = (Point(16, 300), Point(1, 0), Point(16, 0))

Readers = dict[str, "DeskReader | LangServeReader"]


class DeskReader:
    """A customer who reads our stream; every turn opens a conversation."""

    def __init__(self, served: Served, token: str) -> None:
        self._port = served.port
        self._headers = {"authorization": f"Bearer {token}"}
        self._connections: dict[int, Connection] = {}
        self.firsts: list[float] = []

    async def turn(self, worker: int) -> str:
        """Read a whole turn, note when its first token came, and return the text."""
        connection = self._connections.setdefault(worker, Connection(self._port))
        began, first, text = time.perf_counter(), None, ""
        events = await connection.events("/api/v1/chat/stream", {"message": MESSAGE}, self._headers)
        while event := await events.next():
            name, data = event
            if name == "token":
                first = first or time.perf_counter() - began
                text += orjson.loads(data)["text"]
            elif name in {"revise", "error"}:
                raise BenchFailed(f"Our stream said {name}: {data.decode()[:200]}")
        self.firsts.append(first or time.perf_counter() - began)
        return text


class LangServeReader:
    """A reader of the stock server's events, the endpoint that shows tokens; every turn opens a thread."""

    def __init__(self, served: Served) -> None:
        self._port = served.port
        self._connections: dict[int, Connection] = {}
        self.firsts: list[float] = []

    async def turn(self, worker: int) -> str:
        """Read a whole turn, note when its first token came, and return the text."""
        connection = self._connections.setdefault(worker, Connection(self._port))
        body = {"input": {"messages": [{"type": "human", "content": MESSAGE}]}}
        began, first, text = time.perf_counter(), None, ""
        headers = {"x-thread-id": str(uuid4())}
        events = await connection.events("/support/stream_events", body, headers)
        while event := await events.next():
            if b'"on_chat_model_stream"' in event[1]:
                token = orjson.loads(event[1])["data"]["chunk"]["content"]
                first = first or (time.perf_counter() - began if token else None)
                text += token
        self.firsts.append(first or time.perf_counter() - began)
        return text


async def measure(stage: Stage, effort: Effort, points: tuple[Point, ...] = POINTS) -> Result:
    """Both servers with the same model, asked in turns; the first point is the headline."""
    stores = store_processes()
    with serve_peer(stage, "model_server", "--answer", ANSWER) as model:
        url = f"http://127.0.0.1:{model.port}/v1"
        arguments = ["--database-url", stage.stores.migration_database_url, "--nodes", str(NODES)]
        with (
            serve_desk(stage, OPENAI_BASE_URL=url, OPENAI_API_KEY="none") as desk,
            serve_peer(stage, "stock_langserve", *arguments, "--model-url", url) as peer,
        ):
            ours, theirs = DeskReader(desk, access_token(stage.settings)), LangServeReader(peer)
            readers: Readers = {"ours": ours, "peer": theirs}
            sides = [Side("ours", ours.turn, ANSWER, desk.pid), Side("peer", theirs.turn, ANSWER, peer.pid)]
            axis: list[dict[str, Any]] = []
            for point in points:
                stage.say(f"first_token: concurrency {point.concurrency}, model {point.model_ms} ms")
                await Connection(model.port).post("/wait", {"ms": point.model_ms}, {})
                found = await _compare(stage, sides, stores, _load(point, effort))
                axis.append(_row(point, found, readers))
    first = axis[0]
    goals = [
        at_most("p50 added before the first token in ms", first["ours"]["added_p50_ms"], 5),
        at_most("p95 added before the first token in ms", first["ours"]["added_p95_ms"], 15),
        at_least("p50 added beside LangServe", first["ratio"]["added_p50_ms"], 3),
    ]
    title = "Time added before the first token of a model that thinks 300 ms, 16 at once, beside LangServe"
    return Result("first_token", title, first["ours"], first["peer"], first["ratio"], axis, goals)


async def _compare(stage: Stage, sides: list[Side], stores: list[int], load: Load) -> dict[str, Figures]:
    database = Database(stage.stores.database_url, size=2)
    await database.open()
    found = await compare(sides, Meter(database, stores), load)
    await database.close()
    return found


def _load(point: Point, effort: Effort) -> Load:
    turns = max(effort.turns, point.concurrency)
    return Load(effort.rounds, turns, point.concurrency, pause=point.model_ms / 1000)


def _row(point: Point, found: dict[str, Figures], readers: Readers) -> dict[str, Any]:
    """The point's figures, with what was added to the model's own time before the first token."""
    for name, figures in found.items():
        firsts = readers[name].firsts
        for share in (50, 95):
            seconds = percentile(firsts, share / 100)
            figures[f"added_p{share}_ms"] = round(seconds * 1000 - point.model_ms, 2)
        firsts.clear()
    compared = {"ratio": ratio(found["ours"], found["peer"])}
    return {"concurrency": point.concurrency, "model_ms": point.model_ms, **found, **compared}
