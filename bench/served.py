"""Servers that a benchmark starts as processes of their own, on a free port of this machine."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from bench.result import BenchFailed
from bench.stage import Stage
from desk.embedded.children import die_with_parent
from desk.settings import Settings, child_environment

READY_SECONDS = 90.0
MANY = "1000000000"


@dataclass(frozen=True, slots=True)
class Served:
    """A server that answers: its process and its port."""

    pid: int
    port: int


@contextmanager
def serve_desk(stage: Stage, **overrides: str) -> Iterator[Served]:
    """The application with the demo bookshop on the stage's stores; its limits count but never refuse."""
    port = free_port()
    environment = desk_environment(
        stage.settings,
        DATABASE_URL=stage.stores.database_url,
        DESK_MIGRATION_DATABASE_URL=stage.stores.migration_database_url,
        REDIS_URL=stage.stores.redis_url or "",
        DESK_PORT=str(port),
        DESK_DEMO="true",
        RATE_LIMIT_PER_MINUTE=MANY,
        RATE_LIMIT_PER_HOUR=MANY,
        DESK_ADDRESS_RATE_LIMIT_PER_MINUTE=MANY,
        DESK_ADDRESS_RATE_LIMIT_PER_HOUR=MANY,
        DESK_TENANT_RATE_LIMIT_PER_MINUTE=MANY,
        DESK_TENANT_RATE_LIMIT_PER_HOUR=MANY,
        DESK_STREAMS_PER_USER=MANY,
        DESK_STREAMS_PER_ADDRESS=MANY,
        DESK_STREAMS_PER_TENANT=MANY,
        **overrides,
    )
    log = stage.settings.home / "serve.log"
    with _serving([*DESK, "serve"], environment, port, "/api/v1/readyz", log) as served:
        yield served


@contextmanager
def serve_peer(stage: Stage, module: str, *arguments: str) -> Iterator[Served]:
    """A peer's server: `python -m bench.peers.MODULE --port PORT ...`."""
    port = free_port()
    command = [sys.executable, "-m", f"bench.peers.{module}", "--port", str(port), *arguments]
    log = stage.settings.home / f"{module}.log"
    with _serving(command, child_environment(), port, "/docs", log) as served:
        yield served


def desk_environment(settings: Settings, **overrides: str) -> dict[str, str]:
    """The environment of a `desk` process in the stage's home, with no chat model."""
    return child_environment(
        DESK_HOME=str(settings.home),
        DESK_MODELS_DIR=str(settings.models_path),
        DESK_LOG_LEVEL="warning",
        **({"OPENAI_API_KEY": "", "OPENAI_BASE_URL": "", "LLAMA_MODEL_PATH": ""} | overrides),
    )


def access_token(settings: Settings, tenant: str = "bookshop") -> str:
    """A token of the demo's customer, or of one of another tenant, from `desk token`."""
    arguments = ["token", "--tenant", tenant, "--user", "ada@example.com"]
    done = subprocess.run(  # noqa: S603 - our own program
        [*DESK, *arguments], env=desk_environment(settings), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise BenchFailed(f"`desk token` failed: {done.stderr[-500:]}")
    return done.stdout.strip()


def free_port() -> int:
    """A port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def spawn(command: list[str], environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start a program that dies with this process; what it says goes to `log`."""
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own programs
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - two system calls, no lock
        )


def wait_until_ready(process: subprocess.Popen[bytes], port: int, path: str, log: Path) -> None:
    """Ask until the server answers 200; raises BenchFailed with its last words if it does not."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        url = f"http://127.0.0.1:{port}{path}"
        with suppress(URLError, OSError), urlopen(url, timeout=2) as reply:
            if reply.status == 200:
                return
        time.sleep(0.02)
    raise BenchFailed(f"A server did not get ready; it said: {log.read_text(errors='replace')[-500:]}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, wait, then insist."""
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def _serving(
    command: list[str], environment: dict[str, str], port: int, path: str, log: Path
) -> Iterator[Served]:
    process = spawn(command, environment, log)
    try:
        wait_until_ready(process, port, path, log)
        yield Served(process.pid, port)
    finally:
        stop(process)


DESK = [sys.executable, "-m", "server.cli"]
