"""The stores of a chaos run: stopped, started, frozen and flushed while the application uses them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson
from redis.asyncio import Redis

import migrations
from bench.processes import descendants
from desk.embedded import Engines
from desk.storage.migrate import migrate

StoreName = Literal["postgres", "redis"]

START_SECONDS = 60.0


@dataclass(slots=True)
class Stores:
    """A running storekeeper, and where its stores are."""

    engines: Engines
    _pid_file: Path
    _process: Process

    async def stop(self, name: StoreName) -> None:
        """Stop a store; returns when it has ended."""
        await self._ask("stop", name)

    async def start(self, name: StoreName) -> None:
        """Start a store; returns when it answers."""
        await self._ask("start", name)

    def kill_postgres(self) -> None:
        """Let Postgres crash: it must recover from its log when it is started."""
        for pid in self.postgres_pids():
            _signal(pid, signal.SIGKILL)

    def postgres_pids(self) -> list[int]:
        """Postgres and all its children."""
        first = int(self._pid_file.read_text().splitlines()[0])
        return [first, *descendants(first)]

    async def redis_pid(self) -> int:
        """The process of Redis."""
        assert self.engines.redis_url is not None
        async with Redis.from_url(self.engines.redis_url) as redis:
            return int((await redis.info("server"))["process_id"])

    async def flush_redis(self) -> None:
        """Lose all that Redis holds."""
        assert self.engines.redis_url is not None
        async with Redis.from_url(self.engines.redis_url) as redis:
            await redis.flushall()

    async def _ask(self, act: str, name: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{act} {name}\n".encode())
        said = await _line(self._process)
        assert said == {"done": f"{act} {name}"}, said


@contextmanager
def frozen(pids: list[int]) -> Iterator[None]:
    """Processes that do not run for the life of the context."""
    for pid in pids:
        _signal(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            _signal(pid, signal.SIGCONT)


@asynccontextmanager
async def open_stores(home: Path) -> AsyncIterator[Stores]:
    """Migrated stores in a process of their own, for the life of the context."""
    command = [sys.executable, "-m", "tests.chaos.storekeeper", str(home)]
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    try:
        told = await asyncio.wait_for(_line(process), START_SECONDS)
        pid_file = Path(told.pop("pid_file"))
        stores = Stores(Engines(**told, owned=False), pid_file, process)
        await migrate(stores.engines.migration_database_url, migrations.FOLDER, say=lambda _: None)
        yield stores
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def _line(process: Process) -> Any:
    assert process.stdout is not None
    line = await process.stdout.readline()
    assert line, "the storekeeper ended"
    return orjson.loads(line)


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it ended by itself
        os.kill(pid, number)
