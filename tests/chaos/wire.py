"""A lean HTTP client for crowds: one request a connection, events as they come, a cut told from an end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson

CONNECT_SECONDS = 5.0


class Unreached(Exception):
    """The server was not there, or hung up before its answer was whole."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; `body` is decoded JSON, or None."""

    status: int
    body: Any


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event; `at` is the monotonic time at which it was read."""

    id: int
    name: str
    data: Any
    at: float


@dataclass(frozen=True, slots=True)
class Opened:
    """An answer whose body may be read as events if its status is 200."""

    status: int
    body: Any
    _reader: asyncio.StreamReader

    async def events(self) -> AsyncGenerator[Event, None]:
        """The events up to the end of the response; raises Unreached when it is cut before."""
        rest = b""
        async for piece in _chunks(self._reader):
            *blocks, rest = (rest + piece).split(b"\n\n")
            for block in blocks:
                if event := _event(block):
                    yield event


async def fetch(
    port: int, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> Answer:
    """One request and its whole answer; raises Unreached."""
    async with _sent(port, method, path, body, headers) as (reader, status, fields):
        raw = await _whole(reader, fields)
    return Answer(status, _decoded(raw, fields))


@asynccontextmanager
async def opened(
    port: int, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> AsyncIterator[Opened]:
    """One request whose answer is read inside the context; leaving it hangs up. Raises Unreached."""
    async with _sent(port, method, path, body, headers) as (reader, status, fields):
        streamed = fields.get("content-type", "").startswith("text/event-stream")
        raw = b"" if streamed else await _whole(reader, fields)
        yield Opened(status, _decoded(raw, fields), reader)


Sent = tuple[asyncio.StreamReader, int, dict[str, str]]


@asynccontextmanager
async def _sent(
    port: int, method: str, path: str, body: Any, headers: dict[str, str] | None
) -> AsyncIterator[Sent]:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except (OSError, TimeoutError) as error:
        raise Unreached from error
    try:
        payload = b"" if body is None else orjson.dumps(body)
        fields = {"host": "127.0.0.1", "connection": "close", **(headers or {})}
        if body is not None:
            fields |= {"content-type": "application/json", "content-length": str(len(payload))}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + payload)
        status, received = await _head(reader)
        yield reader, status, received
    except (OSError, asyncio.IncompleteReadError) as error:
        raise Unreached from error
    finally:
        writer.transport.abort()


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in pairs}


async def _whole(reader: asyncio.StreamReader, fields: dict[str, str]) -> bytes:
    if fields.get("transfer-encoding") == "chunked":
        return b"".join([piece async for piece in _chunks(reader)])
    return await reader.readexactly(int(fields.get("content-length", "0")))


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int((await reader.readuntil(b"\r\n")).strip(), 16):
        yield (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)


def _decoded(raw: bytes, fields: dict[str, str]) -> Any:
    return orjson.loads(raw) if raw and "json" in fields.get("content-type", "") else None


def _event(block: bytes) -> Event | None:
    fields = dict(line.partition(b": ")[::2] for line in block.split(b"\n") if line[:1] != b":")
    if b"id" not in fields:
        return None
    data = orjson.loads(fields[b"data"])
    return Event(int(fields[b"id"]), fields[b"event"].decode(), data, time.monotonic())
