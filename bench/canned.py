"""B6 canned: durable canned turns over HTTP, with identity and limits, beside the stock graph's LangServe."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from bench.http import Connection
from bench.result import Result, at_least, at_most
from bench.rounds import Load, Meter, Side, compare, ratio, store_processes
from bench.served import Served, access_token, serve_desk, serve_peer
from bench.stage import Effort, Stage
from bench.turn import CANNED_NODES
from desk.storage.pool import Database

MESSAGE = "hi"
CONCURRENCIES = (16, 1)
TALK = 5
TURNS_IN_A_ROW = 20


class DeskClient:
    """A customer's client; each worker has a connection and a conversation of its own."""

    def __init__(self, served: Served, token: str) -> None:
        self._port = served.port
        self._headers = {"authorization": f"Bearer {token}"}
        self._workers: dict[int, tuple[Connection, str | None, int]] = {}

    async def turn(self, worker: int) -> str:
        """One message and its answer."""
        connection, conversation, done = self._workers.get(worker, (Connection(self._port), None, 0))
        body: dict[str, Any] = {"message": MESSAGE}
        if conversation is not None and done < TALK:
            body["conversation_id"] = conversation
        reply = await connection.post("/api/v1/chat/", body, self._headers)
        done = done + 1 if "conversation_id" in body else 1
        self._workers[worker] = (connection, reply["conversation_id"], done)
        return str(reply["reply"]["text"])


class LangServeClient:
    """A client of the stock server; each worker has a connection and a thread of its own."""

    def __init__(self, served: Served) -> None:
        self._port = served.port
        self._workers: dict[int, tuple[Connection, str, int]] = {}

    async def turn(self, worker: int) -> str:
        """One message and its answer."""
        connection, thread, done = self._workers.get(worker, (Connection(self._port), "", TALK))
        if done >= TALK:
            thread, done = str(uuid4()), 0
        self._workers[worker] = (connection, thread, done + 1)
        body = {"input": {"messages": [{"type": "human", "content": MESSAGE}]}}
        answer = await connection.post("/support/invoke", body, {"x-thread-id": thread})
        return str(answer["output"]["messages"][-1]["content"])


async def measure(stage: Stage, effort: Effort, concurrencies: tuple[int, ...] = CONCURRENCIES) -> Result:
    """Both servers at once on the same stores, asked in turns; the first concurrency is the headline."""
    stores = store_processes()
    with serve_desk(stage) as desk:
        client = DeskClient(desk, access_token(stage.settings))
        answer = await client.turn(0)
        arguments = ["--nodes", str(CANNED_NODES), "--answer", answer]
        url = stage.stores.migration_database_url
        with serve_peer(stage, "stock_langserve", "--database-url", url, *arguments) as peer:
            sides = (
                Side("ours", client.turn, answer, desk.pid),
                Side("peer", LangServeClient(peer).turn, answer, peer.pid),
            )
            axis = [await _measure_at(stage, sides, stores, count, effort) for count in concurrencies]
    first = axis[0]
    goals = [
        at_least("turns/s beside LangServe", first["ratio"]["turns_per_s"], 10),
        at_most("p99 in ms", first["ours"]["p99_ms"], 30),
    ]
    return Result(
        "canned",
        "Durable canned turns over HTTP, 16 at once, beside the stock graph over LangServe",
        first["ours"],
        first["peer"],
        first["ratio"],
        axis,
        goals,
    )


async def _measure_at(
    stage: Stage, sides: tuple[Side, Side], stores: list[int], concurrency: int, effort: Effort
) -> dict[str, Any]:
    stage.say(f"canned: concurrency {concurrency}")
    database = Database(stage.stores.database_url, size=2)
    await database.open()
    # Each worker has so many turns in a row that a round's beginning and end weigh little.
    load = Load(effort.rounds, max(effort.turns, concurrency * TURNS_IN_A_ROW), concurrency)
    found = await compare(sides, Meter(database, stores), load)
    await database.close()
    return {"concurrency": concurrency, **found, "ratio": ratio(found["ours"], found["peer"])}
