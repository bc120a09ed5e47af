"""The stock way to a durable turn, as documented: StateGraph with messages, AsyncPostgresSaver on a pool."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal, cast
from uuid import uuid4

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from bench.peers.chain import stock_chain

Saver = AsyncPostgresSaver
Durability = Literal["default", "exit"]
DURABILITIES: tuple[Durability, ...] = ("default", "exit")

# The checkpointer's manual asks for these three.
_CONNECTION = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}


@asynccontextmanager
async def open_saver(database_url: str) -> AsyncIterator[Saver]:
    """The stock saver with its tables made, on a pool of twenty."""
    pool = AsyncConnectionPool(database_url, max_size=20, kwargs=_CONNECTION, open=False)
    async with pool:
        saver = AsyncPostgresSaver(cast("AsyncConnectionPool[AsyncConnection[DictRow]]", pool))
        await saver.setup()
        yield saver


class StockChat:
    """Each worker talks on a thread of its own, and begins a new one after `talk` turns."""

    def __init__(
        self,
        saver: Saver,
        nodes: int,
        message: str,
        answer: str,
        *,
        durability: Durability = "default",
        talk: int = 5,
    ) -> None:
        self._graph = stock_chain(nodes, answer).compile(checkpointer=saver)
        self._message = message
        self._how: dict[str, Any] = {} if durability == "default" else {"durability": durability}
        self._talk = talk
        self._threads: dict[int, tuple[str, int]] = {}

    async def turn(self, worker: int) -> str:
        """One turn; returns the text of the answer."""
        thread, done = self._threads.get(worker, ("", self._talk))
        if done >= self._talk:
            thread, done = str(uuid4()), 0
        self._threads[worker] = (thread, done + 1)
        config: RunnableConfig = {"configurable": {"thread_id": thread}}
        given = {"messages": [{"role": "user", "content": self._message}]}
        state = await self._graph.ainvoke(given, config, **self._how)
        return str(state["messages"][-1].content)

    def thread_of(self, worker: int) -> str:
        """The thread that a worker talks on."""
        return self._threads[worker][0]


async def kept(saver: Saver, thread: str) -> tuple[int, int]:
    """Rows and bytes that the stock tables hold of a thread."""
    tables = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
    sizes = " union all ".join(
        f"select count(*) as n, sum(pg_column_size(t.*)) as size from {table} t where thread_id = %(id)s"  # noqa: S608
        for table in tables
    )
    pool = cast("AsyncConnectionPool[AsyncConnection[DictRow]]", saver.conn)
    async with pool.connection() as conn:
        cursor = await conn.execute(f"select sum(n) as n, sum(size) as size from ({sizes}) s", {"id": thread})  # noqa: S608
        row = await cursor.fetchone()
    assert row is not None
    return int(row["n"]), int(row["size"])
