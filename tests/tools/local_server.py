"""A real HTTP server on this machine that answers bytes by path, and hangs or drips when asked to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

# As an answer: nothing for a while, then the end of the connection.
HANG = b"hang"


def answer(body: bytes, kind: str = "application/json", status: str = "200 OK", extra: str = "") -> bytes:
    """A whole HTTP response."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


def json_answer(body: Any, status: int = 200) -> bytes:
    """A whole HTTP response with a JSON body."""
    return answer(json.dumps(body).encode(), status=f"{status} Status")


@dataclass
class LocalServer:
    """What it answers by path, 404 where nothing is said, and the requests that it heard."""

    answers: dict[str, bytes] = field(default_factory=dict)
    heard: list[bytes] = field(default_factory=list)
    port: int = 0

    @property
    def origin(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "") -> str:
        return f"http://{self.origin}{path}"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            body = await reader.readexactly(int(length)) if length else b""
            self.heard.append(head + body)
            await self.reply(head.split(b" ")[1].decode(), writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def reply(self, path: str, writer: asyncio.StreamWriter) -> None:
        if path == "/hang" or self.answers.get(path) is HANG:
            await asyncio.sleep(5)
        elif path == "/drip":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n")
            for _ in range(50):
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.1)
        else:
            writer.write(self.answers.get(path, json_answer({"detail": "unknown"}, 404)))
            await writer.drain()


@asynccontextmanager
async def serving(answers: dict[str, bytes]) -> AsyncIterator[LocalServer]:
    """The server, listening on a free port of 127.0.0.1."""
    server = LocalServer(dict(answers))
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
