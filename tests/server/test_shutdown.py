"""SIGTERM: turns that end soon are finished under their readers' eyes, others go on in another process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import Process, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from desk.embedded import Engines
from tests.conftest import MODELS
from tests.graphs.speaking import words
from tests.plugins.stores import temporary_home
from tests.server.conftest import bearer
from tests.server.replicas import (
    Replica,
    begun,
    new_tenant,
    replica,
    replica_settings,
    rest_of,
    resume,
    spoken,
    until,
)


@pytest.fixture(scope="module")
async def survivor(own_stores: Engines) -> AsyncIterator[Replica]:
    with temporary_home() as home:
        async with replica(replica_settings(own_stores, Path(home), in_process_worker=True)) as found:
            yield found


@asynccontextmanager
async def other_process(
    stores: Engines, place: Replica, **environ: str
) -> AsyncIterator[tuple[Process, str]]:
    """A replica that may be sent signals, and its address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    settings = place.desk.services.engine.settings
    environment = os.environ | {
        "DATABASE_URL": stores.database_url,
        "REDIS_URL": str(stores.redis_url),
        "DESK_HOME": str(settings.home),
        "DESK_MODELS_DIR": str(MODELS),
        "DESK_IN_PROCESS_WORKER": "false",
        **environ,
    }
    process = await create_subprocess_exec(
        sys.executable, "-m", "tests.server.lone_replica", str(port), env=environment
    )
    url = f"http://127.0.0.1:{port}"

    async def ready() -> bool:
        try:
            async with httpx.AsyncClient() as client:
                return (await client.get(f"{url}/api/v1/readyz")).status_code == 200
        except httpx.HTTPError:
            return False

    try:
        await until(ready, 60)
        yield process, url
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_sigterm_finishes_short_turns_and_hands_back_long_ones(
    own_stores: Engines, survivor: Replica
) -> None:
    slug = await new_tenant(survivor)
    headers = bearer(survivor.issuer, "ann@x.org", "user", slug)
    async with other_process(own_stores, survivor) as (process, url):
        client = httpx.AsyncClient(base_url=url, headers=headers, timeout=20)
        async with (
            client,
            begun(client, "say 20 every 0.1", tokens=2) as (short, short_lines),
            begun(client, "say 65 every 0.1", tokens=2) as (long, long_lines),
        ):
            process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            finished, cut = await asyncio.gather(rest_of(short_lines), rest_of(long_lines))
        assert await asyncio.wait_for(process.wait(), 10) in (0, -signal.SIGTERM)
        assert time.monotonic() - began < 7
    assert finished[-1]["event"] == "done"
    assert spoken(short.events + finished) == words(20)
    assert {event["event"] for event in cut} == {"token"}, "no last event: the turn goes on"
    seen = long.events + cut
    async with survivor.client("ann@x.org", slug) as elsewhere:
        rest = await resume(elsewhere, long.turn_id, int(seen[-1]["id"]))
    assert rest[0]["event"] == "revise"
    assert spoken(seen + rest) == words(65)
