"""A lean HTTP/1.1 client, so that a benchmark measures the server and not itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson

from bench.result import BenchFailed


class Busy(BenchFailed):
    """A server turned this away, to be sent again."""


class Connection:
    """One connection that is kept open; one request at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def post(self, path: str, body: Any, headers: dict[str, str]) -> Any:
        """The JSON answer; raises Busy for 429, else BenchFailed unless its status is 200."""
        status, answer = await self.ask(path, body, headers)
        if status == 429:
            raise Busy(f"{path} answered {status}: {answer[:200]!r}")
        if status != 200:
            raise BenchFailed(f"{path} answered {status}: {answer[:200]!r}")
        return orjson.loads(answer)

    async def ask(self, path: str, body: Any, headers: dict[str, str]) -> tuple[int, bytes]:
        """The status and the answer, whatever they are."""
        return await self._answer(await self._send(path, body, headers), path)

    async def get(self, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        """The status and the answer to a question without a body, whatever they are."""
        return await self._answer(await self._send(path, None, headers), path)

    async def events(self, path: str, body: Any, headers: dict[str, str]) -> EventReader:
        """Begin a stream of server-sent events; raises BenchFailed unless its status is 200."""
        reader = await self._send(path, body, headers)
        with _whole(path):
            status, _ = await _head(reader)
        if status != 200:
            raise BenchFailed(f"{path} answered {status}")
        return EventReader(path, reader)

    def close(self) -> None:
        """Close the connection."""
        if self._writer is not None:
            self._writer.close()

    async def _answer(self, reader: asyncio.StreamReader, path: str) -> tuple[int, bytes]:
        with _whole(path):
            status, fields = await _head(reader)
            return status, await reader.readexactly(int(fields[b"content-length"]))

    async def _send(self, path: str, body: Any, headers: dict[str, str]) -> asyncio.StreamReader:
        # A server closes what was idle for long: the rounds of the other side may take more than that.
        if self._reader is None or self._writer is None or self._reader.at_eof():
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        payload, method = (b"", "GET") if body is None else (orjson.dumps(body), "POST")
        fields = {"host": "127.0.0.1", "content-type": "application/json", **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        request = f"{method} {path} HTTP/1.1\r\n{head}content-length: {len(payload)}\r\n\r\n"
        self._writer.write(request.encode() + payload)
        return self._reader


class EventReader:
    """The events of one chunked response; `next` gives each event's name and data."""

    def __init__(self, path: str, reader: asyncio.StreamReader) -> None:
        self._path = path
        self._reader = reader
        self._text = b""

    async def next(self) -> tuple[str, bytes] | None:
        """The next event that has data, or None at the end of the stream."""
        while True:
            text = self._text.replace(b"\r\n", b"\n")
            block, found, rest = text.partition(b"\n\n")
            if not found:
                piece = await self._next_chunk()
                if not piece:
                    return None
                self._text += piece
                continue
            self._text = rest
            event = _event(block)
            if event is not None:
                return event

    async def _next_chunk(self) -> bytes:
        """The next chunk, empty at the end; raises BenchFailed when the server hung up before it."""
        with _whole(self._path):
            size = int((await self._reader.readuntil(b"\r\n")).strip(), 16)
            return (await self._reader.readexactly(size + 2))[:-2]


@contextmanager
def _whole(path: str) -> Iterator[None]:
    """Raises BenchFailed when the connection ends in the middle of an answer."""
    try:
        yield
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise BenchFailed(f"{path}: the server hung up before its answer was whole.") from error


def _event(block: bytes) -> tuple[str, bytes] | None:
    fields = dict(line.partition(b": ")[::2] for line in block.split(b"\n") if b": " in line)
    data = fields.get(b"data")
    return None if data is None else (fields.get(b"event", b"message").decode(), data)


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[bytes, bytes]]:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    fields = (line.partition(b":") for line in lines if line)
    return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in fields}
