"""Postgres at a distance: passes every byte on half a round trip later, and counts the round trips.

`python -m bench.peers.distant_postgres --port N --socket FILE` stands before the Postgres of that socket;
`POST /delay {"ms": 2.5}` sets the round trip and tells the port to connect to, and what was counted so far.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import os
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import uvicorn
from fastapi import FastAPI
from starlette.requests import Request

_MONOTONIC, _NONBLOCK, _ABSOLUTE = 1, 0o4000, 1


class Alarm:
    """A timer of the kernel: those of an event loop are exact to a millisecond only. Times are monotonic."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.descriptor: int = self._libc.timerfd_create(_MONOTONIC, _NONBLOCK)
        if self.descriptor < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")

    def set(self, at: float) -> None:
        """Make the descriptor readable at this time, given in seconds."""
        seconds, rest = divmod(at, 1)
        # Interval and first time, each in seconds and nanoseconds; a time of 0 would stop it.
        times = (ctypes.c_long * 4)(0, 0, int(seconds), max(1, int(rest * 1e9)))
        self._libc.timerfd_settime(self.descriptor, _ABSOLUTE, times, None)

    def heard(self) -> None:
        """Make the descriptor silent until the next time."""
        os.read(self.descriptor, 8)


class Wire:
    """What is under way, of all connections and both directions: as all of it takes equally long, a queue."""

    def __init__(self) -> None:
        self.delay = 0.0
        self.trips = 0
        self._under_way: deque[tuple[float, asyncio.Transport, bytes | None]] = deque()
        self._alarm = Alarm()
        asyncio.get_running_loop().add_reader(self._alarm.descriptor, self._arrive)

    def send(self, to: asyncio.Transport, data: bytes | None) -> None:
        """Deliver this after half a round trip; None is the end of the connection."""
        if not self.delay and not self._under_way:
            _deliver(to, data)
            return
        due = time.monotonic() + self.delay / 2
        if not self._under_way:
            self._alarm.set(due)
        self._under_way.append((due, to, data))

    def _arrive(self) -> None:
        self._alarm.heard()
        while self._under_way and self._under_way[0][0] <= time.monotonic():
            _, to, data = self._under_way.popleft()
            _deliver(to, data)
        if self._under_way:
            self._alarm.set(self._under_way[0][0])


class End(asyncio.Protocol):
    """One end of a connection; what it hears goes to the other end."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.transport: asyncio.Transport
        self.other: End

    def connection_made(self, transport: Any) -> None:
        """Called by asyncio."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Called by asyncio with each packet."""
        self._wire.send(self.other.transport, data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Called by asyncio when this end hung up."""
        self._wire.send(self.other.transport, None)


class NearEnd(End):
    """The client's end: it asks, and an answer to it ends a round trip."""

    def __init__(self, wire: Wire, socket: str) -> None:
        super().__init__(wire)
        self._socket = socket
        self._early = b""  # what came before the other end was there
        self._connecting: asyncio.Task[None] | None = None
        self.asked = False

    def connection_made(self, transport: Any) -> None:
        """Connect to Postgres too."""
        super().connection_made(transport)
        self._connecting = asyncio.ensure_future(self._connect())

    def data_received(self, data: bytes) -> None:
        """Whatever is asked until the next answer comes is one round trip."""
        self.asked = True
        if self._connecting is not None:
            self._early += data
        else:
            super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio when the client hung up."""
        if self._connecting is not None:
            self._connecting.cancel()
        else:
            super().connection_lost(exc)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        _, self.other = await loop.create_unix_connection(lambda: FarEnd(self._wire, self), self._socket)
        self._connecting = None
        if self._early:
            super().data_received(self._early)


class FarEnd(End):
    """The end at Postgres, which answers."""

    def __init__(self, wire: Wire, near: NearEnd) -> None:
        super().__init__(wire)
        self._near = self.other = near

    def data_received(self, data: bytes) -> None:
        """Count what was waited for."""
        self._wire.trips += self._near.asked
        self._near.asked = False
        super().data_received(data)


def _deliver(to: asyncio.Transport, data: bytes | None) -> None:
    if data is None:
        to.close()
    elif not to.is_closing():
        to.write(data)


def create_app(socket: str) -> FastAPI:
    """The application that sets the delay; the connections pass beside it."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        wire = app.state.wire = Wire()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: NearEnd(wire, socket), "127.0.0.1", 0)
        app.state.port = server.sockets[0].getsockname()[1]
        yield
        server.close()

    app = FastAPI(lifespan=lifespan)

    @app.post("/delay")
    async def delay(request: Request) -> dict[str, int]:
        wire: Wire = app.state.wire
        wire.delay = orjson.loads(await request.body())["ms"] / 1000
        return {"port": app.state.port, "trips": wire.trips}

    return app


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--socket", required=True)
    given = parser.parse_args()
    uvicorn.run(create_app(given.socket), host="127.0.0.1", port=given.port, log_level="warning")


if __name__ == "__main__":
    main()
