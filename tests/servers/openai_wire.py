"""A local server that speaks OpenAI's chat completions, and misbehaves on request.

    async with openai_wire() as wire:
        wire.script([say("Hello", " world"), say(calls=[call("order_status", order_id="100234")])])
        ...  # give `wire.base_url` to the code under test as OPENAI_BASE_URL, any key
        wire.requests[0].body     # the exact bytes that were sent
        wire.requests[0].json     # the same, decoded
        await wire.hung_up()      # returns once no request is being served any more

Answers are used up in order; the last one repeats. `say(...)` takes the tokens (also of a non-streaming
call), `calls`, `usage` (None leaves the usage chunk out), `pause` (seconds before each token), `delay`
(seconds before the headers) and `fault`; `refuse(429, retry_after=2)` answers with an error status. A fault
happens after the given tokens were sent, if it is one of the middle of a stream. A real server of its own
process, for measurements:
`python -m tests.servers.openai_wire --tokens 2000 --pause 0` prints its base address.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.servers.openai_replies import (
    MIDDLE,
    Fault,
    Reply,
    Send,
    call,
    completion,
    events,
    refuse,
    say,
)

__all__ = ["Fault", "Reply", "SeenRequest", "Wire", "call", "openai_wire", "refuse", "say"]


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """A request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The decoded body."""
        return orjson.loads(self.body)


@dataclass
class Wire:
    """The running server's handle."""

    base_url: str = ""
    requests: list[SeenRequest] = field(default_factory=list)
    connections: int = 0
    serving: int = 0
    _replies: list[Reply] = field(default_factory=lambda: [Reply()])
    _choose: Callable[[SeenRequest], Reply] | None = None
    _handlers: dict[asyncio.Task[Any], asyncio.StreamWriter] = field(default_factory=dict)
    _idle: asyncio.Event = field(default_factory=asyncio.Event)
    _busy: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Nothing is served yet."""
        self._idle.set()

    def script(self, replies: Iterable[Reply]) -> None:
        """Answer the coming requests with these, in order; the last one repeats."""
        self._replies, self._choose = list(replies), None

    async def asked(self, seconds: float = 5.0) -> None:
        """Wait until a request is being served; TimeoutError if none is."""
        async with asyncio.timeout(seconds):
            await self._busy.wait()

    async def hung_up(self, seconds: float = 2.0) -> None:
        """Wait until no request is being served; TimeoutError if one still is."""
        async with asyncio.timeout(seconds):
            await self._idle.wait()

    def answer_by(self, choose: Callable[[SeenRequest], Reply]) -> None:
        """Answer every request with what the function says, from now on."""
        self._choose = choose

    def _next(self, seen: SeenRequest) -> Reply:
        if self._choose is not None:
            return self._choose(seen)
        return self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._handlers[task] = writer
        try:
            await self._serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            del self._handlers[task]
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        keep, early = True, b""
        while keep and (seen := await _read_request(reader, early)):
            self.requests.append(seen)
            self.serving += 1
            self._idle.clear()
            self._busy.set()
            try:
                keep, early = await _unless_hung_up(reader, _answer(self._next(seen), seen, writer))
            finally:
                self.serving -= 1
                if not self.serving:
                    self._idle.set()
                    self._busy.clear()


@asynccontextmanager
async def openai_wire(port: int = 0) -> AsyncIterator[Wire]:
    """Serve on 127.0.0.1 (a free port unless one is given) until the block ends."""
    wire = Wire()
    server = await asyncio.start_server(wire._connected, "127.0.0.1", port, limit=1 << 24)
    wire.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield wire
    finally:
        server.close()
        handlers = dict(wire._handlers)
        for writer in handlers.values():
            writer.transport.abort()
        await asyncio.gather(*handlers, return_exceptions=True)


async def _read_request(reader: asyncio.StreamReader, early: bytes) -> SeenRequest | None:
    try:
        head = (early + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.rstrip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return SeenRequest(first.split(" ")[1], headers, body)


async def _unless_hung_up(reader: asyncio.StreamReader, answer: Awaitable[bool]) -> tuple[bool, bytes]:
    """The answer's verdict, or False once the client closes; and the next request's first byte, if read."""
    answering = asyncio.ensure_future(answer)
    listening = asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait((answering, listening), return_when=asyncio.FIRST_COMPLETED)
        early = listening.result() if listening.done() else b""
        keep = await answering if early or answering.done() else False
    finally:
        answering.cancel()
        listening.cancel()
        await asyncio.gather(answering, listening, return_exceptions=True)
    if listening.done() and not listening.cancelled() and listening.exception() is None:
        early = listening.result()
    return keep, early


async def _answer(reply: Reply, seen: SeenRequest, writer: asyncio.StreamWriter) -> bool:
    """Send the scripted answer; True keeps the connection for another request."""
    await asyncio.sleep(reply.delay)
    if reply.fault is Fault.HANG_BEFORE_HEADERS:
        await asyncio.Event().wait()
    if reply.fault is Fault.CUT_BEFORE_HEADERS:
        writer.transport.abort()
        return False
    if not seen.path.endswith("/chat/completions"):
        await _send_whole(writer, 404, {"error": {"message": f"no route {seen.path}"}}, ())
        return True
    if reply.status != 200:
        await _send_whole(writer, reply.status, {"error": reply.error}, reply.headers)
        return True
    if not seen.json.get("stream"):
        await _send_whole(writer, 200, completion(reply, seen.json["model"]), ())
        return True
    return await _send_stream(reply, seen.json, writer)


async def _send_whole(
    writer: asyncio.StreamWriter, status: int, body: dict[str, Any], headers: tuple[tuple[str, str], ...]
) -> None:
    raw = orjson.dumps(body)
    lines = [f"HTTP/1.1 {status} X", "content-type: application/json", f"content-length: {len(raw)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + raw)
    await writer.drain()


async def _send_stream(reply: Reply, asked: dict[str, Any], writer: asyncio.StreamWriter) -> bool:
    async def send(data: bytes) -> None:
        writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await writer.drain()

    kind = "text/html" if reply.fault is Fault.WRONG_CONTENT_TYPE else "text/event-stream"
    writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n".encode())
    for event in events(reply, asked):
        if reply.pause:
            await asyncio.sleep(reply.pause)
        if reply.fault is Fault.SPLIT_UTF8:
            await _send_in_pieces(event, send)
        else:
            await send(event)
    if reply.fault in MIDDLE:
        await MIDDLE[reply.fault](send)
        writer.transport.abort()
        return False
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True


async def _send_in_pieces(event: bytes, send: Send) -> None:
    for start in range(0, len(event), 3):
        await send(event[start : start + 3])
        await asyncio.sleep(0)


async def _serve_alone(tokens: int, pause: float) -> None:
    async with openai_wire() as wire:
        wire.script([say(*(["word "] * tokens), pause=pause)])
        sys.stdout.write(wire.base_url + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--pause", type=float, default=0.0)
    arguments = parser.parse_args()
    asyncio.run(_serve_alone(arguments.tokens, arguments.pause))
