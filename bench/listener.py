"""A listener: reads one stream with as little work as can be, and tells afterwards what came when."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

import orjson

from bench.result import BenchFailed

_LAST_CHUNK = b"0\r\n\r\n"
_OK = b"HTTP/1.1 200 "
# Too busy to take it, or to ask its database in time: both may be asked again.
_REFUSED = (b"HTTP/1.1 429 ", b"HTTP/1.1 503 ")


class Refused(Exception):
    """The server has no time for another stream now."""


class Listener(asyncio.Protocol):
    """Asks, and keeps every packet with its time; `mark` is what stands in the event of a token."""

    def __init__(self, request: bytes, mark: bytes) -> None:
        self._request = request
        self._mark = mark
        self._transport: asyncio.Transport
        self._times: list[float] = []
        self._packets: list[bytes] = []
        self._tail = b""
        loop = asyncio.get_running_loop()
        self.begun: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()

    def connection_made(self, transport: Any) -> None:
        """Called by asyncio."""
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Called by asyncio with each packet."""
        self._times.append(time.perf_counter())
        self._packets.append(data)
        self._tail = (self._tail + data)[-5:] if len(data) < 5 else data[-5:]
        if self._tail == _LAST_CHUNK:
            self._transport.close()
        elif not self.begun.done():
            self._look(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Called by asyncio; that the stream is whole is seen when it is taken apart."""
        for future in (self.begun, self.ended):
            if not future.done():
                future.set_result(None)

    def events(self) -> Iterator[tuple[float, bytes, bytes]]:
        """When each event had come, its name and its data; once the stream has ended.

        Raises BenchFailed for a stream that is not whole.
        """
        if self._tail != _LAST_CHUNK:
            raise BenchFailed(f"A stream ended before it was whole: {self._packets[-1:]!r}")
        ends = list(accumulate(map(len, self._packets)))
        place, name = 0, b""
        for line in b"".join(self._packets).split(b"\n"):
            place += len(line) + 1
            if line.startswith(b"event: "):
                name = line[7:].strip()
            elif line.startswith(b"data: "):
                yield self._times[bisect_left(ends, place)], name, line[6:].strip()

    def _look(self, data: bytes) -> None:
        if len(self._packets) == 1 and not data.startswith(_OK):
            refused = data.startswith(_REFUSED)
            self.begun.set_exception(Refused() if refused else BenchFailed(f"A stream: {data[:300]!r}"))
            self._transport.close()
        elif self._mark in data:
            self.begun.set_result(None)


def request_bytes(path: str, body: Any, headers: dict[str, str]) -> bytes:
    """A POST of this JSON."""
    payload = orjson.dumps(body)
    fields = {"host": "127.0.0.1", "content-type": "application/json", **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {path} HTTP/1.1\r\n{lines}content-length: {len(payload)}\r\n\r\n".encode() + payload
