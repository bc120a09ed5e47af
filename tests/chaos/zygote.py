"""The zygote: has imported everything, and forks a replica in a third of a second whenever it is asked to.

It reads a JSON object a line: `{"name", "environment", "scripted"}`. What happens comes back as such:
`ready`, `died` with its exit status and time, and `counts` of a replica that got SIGUSR1.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NoReturn

import orjson
import uvicorn
from fastapi import FastAPI

from desk.embedded.children import die_with_parent
from desk.settings import Settings
from desk.telemetry.logs import configure_logs
from graphs.services import _load_detectors
from graphs.turn import support_flow
from server.app import around, build_routes
from server.deps import Desk
from tests.chaos.scripted import scripted_flow

LONGEST_TURN_SECONDS = 600.0


class Replica(uvicorn.Server):
    """The application as `desk serve` runs it; says when it answers, and counts what it holds if asked."""

    def __init__(self, name: str, routes: FastAPI, settings: Settings) -> None:
        super().__init__(
            uvicorn.Config(
                around(routes, settings),
                port=settings.port,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=6,
                backlog=2048,
            )
        )
        self._name = name
        self._routes = routes

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self._tell_counts)
        _say(what="ready", name=self._name, pid=os.getpid())

    def _tell_counts(self) -> None:
        gc.collect()
        desk: Desk = self._routes.state.desk
        pool = desk.services.engine.database._pool.get_stats()
        counts = {
            "tasks": len(asyncio.all_tasks()),
            "running": len(desk.runner._running),
            "copies": len(desk.runner._following._copies),
            "carried": len(desk.runner._fanout._carried) if desk.runner._fanout else 0,
            "open_streams": sum(desk.streams._open.values()),
            "connections": pool["pool_size"],
            "connections_lent": pool["pool_size"] - pool["pool_available"],
        }
        _say(what="counts", name=self._name, counts=counts)


def _replica(name: str, environment: dict[str, str], *, scripted: bool) -> NoReturn:
    os.environ.clear()
    os.environ.update(environment)
    settings = Settings()
    _write_to(settings.home / f"{name}.log")
    configure_logs(settings.log_level)
    routes = build_routes(settings)
    if scripted:
        _script(routes)
    Replica(name, routes, settings).run()
    os._exit(0)


def _script(routes: FastAPI) -> None:
    usual = routes.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with usual(app):
            desk: Desk = app.state.desk
            desk.services.flow = scripted_flow()
            # A crowd of readers is open at the same time only if its turns last.
            desk.runner._longest_turn = LONGEST_TURN_SECONDS
            yield

    routes.router.lifespan_context = lifespan


def _write_to(log: Path) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, sys.stderr.fileno())
    os.close(descriptor)


def _say(**what: Any) -> None:
    # One write of less than a page: lines of many processes do not mix.
    os.write(sys.stdout.fileno(), orjson.dumps(what) + b"\n")


class Zygote:
    """Forks on request; it has no thread and no loop, so a fork of it is whole."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}

    def serve(self) -> None:
        """Serve requests until the input ends; the replicas end with this process."""
        support_flow()
        _load_detectors()
        gc.collect()
        gc.freeze()
        signal.signal(signal.SIGCHLD, lambda *_: self._reap())
        _say(what="ready", name="zygote", pid=os.getpid())
        for line in sys.stdin.buffer:
            self._fork(**orjson.loads(line))

    def _fork(self, name: str, environment: dict[str, str], *, scripted: bool) -> None:
        tie = die_with_parent(signal.SIGKILL)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            tie()
            os.close(sys.stdin.fileno())
            _replica(name, environment, scripted=scripted)
        self._names[pid] = name
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return  # a signal that came in the middle of this one has reaped the rest
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            _say(what="died", name=self._names.pop(pid), code=code, at=time.monotonic())


if __name__ == "__main__":
    Zygote().serve()
