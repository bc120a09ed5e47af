"""Replicas of the application on one database and one Redis, whose turns do what their messages say."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from redis.asyncio import Redis

from desk.domain import TenantSettings
from desk.embedded import Engines
from desk.settings import Settings
from desk.storage import tenants
from desk.telemetry.logs import configure_logs
from server.app import around, build_routes
from server.deps import Desk
from server.issuer import Issuer, load_issuer
from tests.graphs.speaking import speaking_flow
from tests.plugins.stores import temporary_home
from tests.server.conftest import bearer, demo_settings, served
from tests.server.wire import parse_events


@dataclass(frozen=True, slots=True)
class Replica:
    """A running application, and who signs its tokens."""

    url: str
    desk: Desk
    issuer: Issuer

    def client(self, email: str, tenant: str, role: str = "user") -> httpx.AsyncClient:
        """A person's client of this replica."""
        headers = bearer(self.issuer, email, role, tenant)
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=20)


def replica_settings(stores: Engines, home: Path, **changes: Any) -> Settings:
    """Settings of a replica without the demo; replicas of one home know each other's tokens and keys."""
    values = {"demo": False, "langserve": False, "in_process_worker": False, "streams_per_user": 50}
    return demo_settings(stores, home, "http://127.0.0.1:9", **(values | changes))


@asynccontextmanager
async def replica(settings: Settings) -> AsyncIterator[Replica]:
    """One application on a port of its own."""
    configure_logs("warning")
    app = build_routes(settings)
    async with served(around(app, settings)) as url:
        desk: Desk = app.state.desk
        desk.services.flow = speaking_flow()
        yield Replica(url, desk, load_issuer(settings))


@asynccontextmanager
async def two_replicas(stores: Engines) -> AsyncIterator[tuple[Replica, Replica]]:
    """Two applications on one database and one Redis, which also run the jobs."""
    with temporary_home() as home:
        settings = replica_settings(stores, Path(home), in_process_worker=True)
        async with replica(settings) as one, replica(settings) as other:
            yield one, other


async def new_tenant(place: Replica, settings: TenantSettings | None = None) -> str:
    """The slug of a fresh tenant."""
    async with place.desk.services.engine.database.control_tx() as tx:
        return (await tenants.create(tx, f"shop-{uuid4().hex[:12]}", "A shop", settings)).slug


@dataclass(frozen=True, slots=True)
class Begun:
    """A turn under way: its ids and what its stream told so far."""

    turn_id: str
    conversation_id: str
    events: list[dict[str, Any]]

    @property
    def last_id(self) -> int:
        return int(self.events[-1]["id"])


@asynccontextmanager
async def begun(
    client: httpx.AsyncClient, message: str, *, tokens: int = 0, **body: Any
) -> AsyncIterator[tuple[Begun, AsyncIterator[str]]]:
    """A streamed turn, read up to its `tokens`-th token; the lines that follow may be read on."""
    async with client.stream("POST", "/api/v1/chat/stream", json={"message": message, **body}) as response:
        assert response.status_code == 200, await response.aread()
        lines = response.aiter_lines()
        events: list[dict[str, Any]] = []
        while not events or sum(event["event"] == "token" for event in events) < tokens:
            more = await next_events(lines)
            assert more, f"it ended after {events}"
            events += more
        accepted = events[0]["data"]
        yield Begun(accepted["turn_id"], accepted["conversation_id"], events), lines


async def next_events(lines: AsyncIterator[str]) -> list[dict[str, Any]]:
    """The next event of a stream; none at its end."""
    block: list[str] = []
    async for line in lines:
        if line and not line.startswith(":"):
            block.append(line)
        elif block:
            break
    return parse_events("\n".join(block) + "\n\n")


async def rest_of(lines: AsyncIterator[str]) -> list[dict[str, Any]]:
    """All events that follow."""
    return parse_events("\n".join([line async for line in lines]) + "\n\n")


async def resume(client: httpx.AsyncClient, turn_id: str, after: int = 0) -> list[dict[str, Any]]:
    """Every event above `after`, to the end of the turn."""
    headers = {"last-event-id": str(after)} if after else {}
    response = await client.get(f"/api/v1/turns/{turn_id}/events", headers=headers)
    assert response.status_code == 200, response.text
    return parse_events(response.text)


def spoken(events: list[dict[str, Any]]) -> str:
    """What stands on the reader's screen at the end."""
    shown = ""
    for event in events:
        if event["event"] == "token":
            shown += event["data"]["text"]
        elif event["event"] == "revise":
            shown = event["data"]["text"]
    return shown


async def redis_pid(stores: Engines) -> int:
    """The process of the Redis server."""
    assert stores.redis_url is not None
    async with Redis.from_url(stores.redis_url) as redis:
        return int((await redis.info("server"))["process_id"])


async def flush(stores: Engines) -> None:
    """Lose all that Redis holds."""
    assert stores.redis_url is not None
    async with Redis.from_url(stores.redis_url) as redis:
        await redis.flushall()


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """A process that does not run for the life of the context."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def until(check: Any, seconds: float = 10.0) -> float:
    """Wait for a check to hold; the seconds that it took."""
    began = time.monotonic()
    while not await check():
        assert time.monotonic() - began < seconds, "it did not come true in time"
        await asyncio.sleep(0.01)
    return time.monotonic() - began
