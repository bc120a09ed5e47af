"""A server in a process of its own that kills itself at a named point of a turn."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from desk.embedded import Engines
from desk.settings import Settings
from tests.conftest import MASTER_KEY
from tests.server.conftest import SERVICE_KEY
from tests.server.limits_told import limits_told


@asynccontextmanager
async def doomed(
    stores: Engines, settings: Settings, home: Path, point: str
) -> AsyncIterator[tuple[str, subprocess.Popen[bytes]]]:
    """The server's address and process; it shares keys, shop and stores with `settings`, and runs no jobs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "DATABASE_URL": stores.database_url,
        "REDIS_URL": stores.redis_url or "",
        "DESK_HOME": str(home),
        "DESK_MODELS_DIR": str(settings.models_dir),
        "DESK_MASTER_KEY": MASTER_KEY,
        "DESK_SIGNING_KEY_PATH": str(settings.home / "keys" / "issuer.pem"),
        "DESK_SHOP_API_URL": settings.shop_api_url or "",
        "DESK_SHOP_API_KEY": SERVICE_KEY,
        "DESK_PORT": str(port),
        "DESK_CRASH_AT": point,
        "DESK_IN_PROCESS_WORKER": "false",
        **limits_told(settings),
    }
    process = _start(environment)
    try:
        await _until_ready(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.kill()
        process.wait()


def _start(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "server.cli", "serve"], env=environment)


async def _until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    async with httpx.AsyncClient(timeout=2) as client:
        while time.monotonic() < deadline:
            assert process.poll() is None
            try:
                if (await client.get(f"{url}/api/v1/readyz")).status_code == 200:
                    return
            except httpx.HTTPError:
                await asyncio.sleep(0.1)
    raise AssertionError("the process did not become ready")
