"""The fleet: replicas of the application as processes of their own, on one database and one Redis."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from desk.embedded import Engines
from desk.settings import child_environment
from graphs.crash_points import CrashPoint
from server.issuer import load_issuer
from tests.chaos.wire import Unreached, fetch
from tests.conftest import MODELS
from tests.server.replicas import replica_settings

READY_SECONDS = 60.0
MANY = "1000000000"


@dataclass(slots=True)
class Replica:
    """One process; `died_at` is the machine's monotonic time at which its end was noticed."""

    name: str
    port: int
    pid: int = 0
    died_at: float | None = None
    code: int | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    dead: asyncio.Event = field(default_factory=asyncio.Event)
    counts: dict[str, int] = field(default_factory=dict)
    counted: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def alive(self) -> bool:
        """Whether it answers, as far as we know."""
        return self.ready.is_set() and not self.dead.is_set()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        if not self.dead.is_set():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def kill(self) -> float:
        """SIGKILL; the moment it was sent."""
        at = time.monotonic()
        self.signal(signal.SIGKILL)
        await self.dead.wait()
        return at

    async def end(self) -> None:
        """SIGTERM, as an orchestrator ends a process; returns when it has ended."""
        self.signal(signal.SIGTERM)
        await self.dead.wait()

    async def count(self) -> dict[str, int]:
        """What it holds now: tasks, running turns, streams, connections."""
        self.counted.clear()
        self.signal(signal.SIGUSR1)
        await asyncio.wait_for(self.counted.wait(), 10)
        return dict(self.counts)


class Fleet:
    """Starts replicas and knows which of them live."""

    def __init__(self, stores: Engines, home: Path, zygote: Process) -> None:
        self.stores = stores
        self.home = home
        self.replicas: list[Replica] = []
        self.settings = replica_settings(stores, home)
        self.issuer = load_issuer(self.settings)
        self._zygote = zygote
        self._by_name: dict[str, Replica] = {}
        self._environment = _environment(stores, home)
        self._taken: set[int] = set()

    async def start(
        self,
        *,
        crash_at: CrashPoint | None = None,
        take_orphans: bool = True,
        scripted: bool = True,
        environment: dict[str, str] | None = None,
    ) -> Replica:
        """A replica that answers; the support graph runs in it unless it is `scripted`."""
        name = f"replica-{len(self._by_name)}"
        replica = Replica(name, self._free_port())
        self._by_name[name] = replica
        changes = {
            "DESK_IN_PROCESS_WORKER": str(take_orphans).lower(),
            "DESK_CRASH_AT": crash_at or "",
            "DESK_PORT": str(replica.port),
            **(environment or {}),
        }
        asked = {
            "name": name,
            "environment": self._environment | changes,
            "scripted": scripted,
        }
        assert self._zygote.stdin is not None
        self._zygote.stdin.write(orjson.dumps(asked) + b"\n")
        await self._until_ready(replica)
        self.replicas.append(replica)
        return replica

    @property
    def alive(self) -> list[Replica]:
        """Who answers, the oldest first."""
        return [replica for replica in self.replicas if replica.alive]

    async def end_all(self) -> None:
        """SIGKILL for all that are left."""
        await asyncio.gather(*(replica.kill() for replica in self.alive))
        self.replicas.clear()

    def log_of(self, replica: Replica) -> str:
        """What a replica wrote to its log."""
        log = self.home / f"{replica.name}.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def headers(self, email: str, tenant: str, role: Any = "user") -> dict[str, str]:
        """A person's headers; every replica trusts the same issuer."""
        token = self.issuer.sign(tenant=tenant, email=email, role=role, seconds=4 * 3600)
        return {"authorization": f"Bearer {token}"}

    async def hear(self) -> None:
        """Take in what the zygote says, until it ends."""
        assert self._zygote.stdout is not None
        async for line in self._zygote.stdout:
            self._note(orjson.loads(line))

    def _note(self, told: dict[str, Any]) -> None:
        replica = self._by_name.get(told["name"])
        if replica is None:
            return
        match told["what"]:
            case "ready":
                replica.pid = told["pid"]
                replica.ready.set()
            case "died":
                replica.died_at, replica.code = told["at"], told["code"]
                replica.dead.set()
                self._taken.discard(replica.port)
            case "counts":
                replica.counts = told["counts"]
                replica.counted.set()

    async def _until_ready(self, replica: Replica) -> None:
        waits = [asyncio.create_task(event.wait()) for event in (replica.ready, replica.dead)]
        await asyncio.wait(waits, timeout=READY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        assert replica.ready.is_set(), f"{replica.name} did not start: {self.log_of(replica)[-2000:]}"

    def _free_port(self) -> int:
        while True:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port: int = probe.getsockname()[1]
            if port not in self._taken:
                self._taken.add(port)
                return port


@asynccontextmanager
async def open_fleet(stores: Engines, home: Path) -> AsyncIterator[Fleet]:
    """An empty fleet; its replicas end with the context."""
    command = [sys.executable, "-m", "tests.chaos.zygote"]
    environment = child_environment(OPENBLAS_NUM_THREADS="1")
    zygote = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, env=environment)
    assert zygote.stdout is not None
    assert await zygote.stdout.readline(), "the zygote did not start"
    fleet = Fleet(stores, home, zygote)
    hearing = asyncio.create_task(fleet.hear())
    try:
        yield fleet
    finally:
        assert zygote.stdin is not None
        zygote.stdin.close()
        await zygote.wait()
        hearing.cancel()


async def is_ready(replica: Replica, seconds: float = 2.0) -> bool:
    """Whether its readiness probe is green."""
    try:
        answer = await asyncio.wait_for(fetch(replica.port, "GET", "/api/v1/readyz"), seconds)
    except (Unreached, TimeoutError):
        return False
    return answer.status == 200


def _environment(stores: Engines, home: Path) -> dict[str, str]:
    return child_environment(
        DATABASE_URL=stores.database_url,
        DESK_MIGRATION_DATABASE_URL=stores.migration_database_url,
        REDIS_URL=stores.redis_url or "",
        DESK_HOME=str(home),
        DESK_MODELS_DIR=str(MODELS),
        DESK_LOG_LEVEL="warning",
        RATE_LIMIT_PER_MINUTE=MANY,
        RATE_LIMIT_PER_HOUR=MANY,
        DESK_ADDRESS_RATE_LIMIT_PER_MINUTE=MANY,
        DESK_ADDRESS_RATE_LIMIT_PER_HOUR=MANY,
        DESK_TENANT_RATE_LIMIT_PER_MINUTE=MANY,
        DESK_TENANT_RATE_LIMIT_PER_HOUR=MANY,
        DESK_TRUSTED_PROXIES='["127.0.0.1"]',  # so that people can come from addresses of their own
        DESK_STREAMS_PER_USER="10000",
        DESK_STREAMS_PER_TENANT="10000",
        DESK_STREAMS_PER_ADDRESS="10000",
        OPENAI_API_KEY="",
        OPENAI_BASE_URL="",
        LLAMA_MODEL_PATH="",
    )
