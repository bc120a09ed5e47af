"""A local server that speaks OpenAI's chat completions, and misbehaves on request.

    async with openai_wire() as wire:
        wire.script([say("Hello", " world"), say(calls=[call("order_status", order_id="100234")])])
        ...  # give `wire.base_url` to the code under test as OPENAI_BASE_URL, any key
        wire.requests[0].body     # the exact bytes that were sent
        wire.requests[0].json     # the same, decoded
        await wire.hung_up()      # returns once no request is being served any more

Answers are used up in order; the last one repeats. `say(...)` takes the tokens (also of a non-streaming
call), `calls`, `usage` (None leaves the usage chunk out), `pause` (seconds before each token) and `fault`;
`refuse(429, retry_after=2)` answers with an error status. A fault happens after the given tokens were sent,
if it is one of the middle of a stream. A real server of its own process, for measurements:
`python -m tests.servers.openai_wire --tokens 2000 --pause 0` prints its base address.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import orjson

Send = Callable[[bytes], Awaitable[None]]


class Fault(StrEnum):
    """What goes wrong."""

    HANG_BEFORE_HEADERS = "hang_before_headers"
    CUT_BEFORE_HEADERS = "cut_before_headers"
    WRONG_CONTENT_TYPE = "wrong_content_type"
    HANG_MID_STREAM = "hang_mid_stream"
    KEEPALIVES_ONLY = "keepalives_only"
    EMPTY_DELTAS = "empty_deltas"
    CUT_MID_STREAM = "cut_mid_stream"
    MALFORMED_JSON = "malformed_json"
    NOT_AN_OBJECT = "not_an_object"
    ERROR_IN_STREAM = "error_in_stream"
    EMPTY_CHOICES = "empty_choices"
    ENDED_EARLY = "ended_early"
    MISSING_DONE = "missing_done"
    HANG_AFTER_FINISH = "hang_after_finish"
    ENDLESS = "endless"
    HUGE_CHUNK = "huge_chunk"
    SPLIT_UTF8 = "split_utf8"


@dataclass(frozen=True, slots=True)
class Reply:
    """One scripted answer."""

    tokens: tuple[str, ...] = ("Hello", ".")
    calls: tuple[dict[str, Any], ...] = ()
    usage: tuple[int, int] | None = (12, 5)
    pause: float = 0.0
    fault: Fault | None = None
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    error: dict[str, Any] = field(default_factory=dict)
    finish_reason: str | None = None


def say(
    *tokens: str,
    calls: Iterable[dict[str, Any]] = (),
    usage: tuple[int, int] | None = (12, 5),
    pause: float = 0.0,
    fault: Fault | None = None,
    finish_reason: str | None = None,
) -> Reply:
    """An answer of these tokens and tool calls."""
    return Reply(tokens, tuple(calls), usage, pause, fault, finish_reason=finish_reason)


def call(name: str, /, call_id: str = "call_1", **arguments: Any) -> dict[str, Any]:
    """A tool call as the wire carries it."""
    function = {"name": name, "arguments": orjson.dumps(arguments).decode()}
    return {"id": call_id, "type": "function", "function": function}


def refuse(status: int, *, retry_after: float | None = None, code: str = "refused") -> Reply:
    """An error status with OpenAI's error body."""
    headers = () if retry_after is None else (("retry-after", str(retry_after)),)
    return Reply(status=status, headers=headers, error={"message": f"status {status}", "code": code})


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
    _handlers: dict[asyncio.Task[Any], asyncio.StreamWriter] = field(default_factory=dict)
    _idle: asyncio.Event = field(default_factory=asyncio.Event)
    _busy: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Nothing is served yet."""
        self._idle.set()

    def script(self, replies: Iterable[Reply]) -> None:
        """Answer the coming requests with these, in order; the last one repeats."""
        self._replies = list(replies)

    async def asked(self, seconds: float = 5.0) -> None:
        """Wait until a request is being served; TimeoutError if none is."""
        async with asyncio.timeout(seconds):
            await self._busy.wait()

    async def hung_up(self, seconds: float = 2.0) -> None:
        """Wait until no request is being served; TimeoutError if one still is."""
        async with asyncio.timeout(seconds):
            await self._idle.wait()

    def _next(self) -> Reply:
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
                keep, early = await _unless_hung_up(reader, _answer(self._next(), seen, writer))
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
        await _send_whole(writer, 200, _completion(reply, seen.json["model"]), ())
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
    for event in _events(reply, asked):
        if reply.pause:
            await asyncio.sleep(reply.pause)
        if reply.fault is Fault.SPLIT_UTF8:
            await _send_in_pieces(event, send)
        else:
            await send(event)
    if reply.fault in _MIDDLE:
        await _MIDDLE[reply.fault](send, asked["model"])
        writer.transport.abort()
        return False
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True


async def _send_in_pieces(event: bytes, send: Send) -> None:
    for start in range(0, len(event), 3):
        await send(event[start : start + 3])
        await asyncio.sleep(0)


def _events(reply: Reply, asked: dict[str, Any]) -> Iterable[bytes]:
    model = asked["model"]
    yield _chunk(model, {"role": "assistant", "content": ""})
    yield from (_chunk(model, {"content": token}) for token in reply.tokens)
    if reply.fault is Fault.ENDED_EARLY or reply.fault in _MIDDLE.keys() - {Fault.HANG_AFTER_FINISH}:
        return
    for index, item in enumerate(reply.calls):
        yield from _call_events(model, index, item)
    yield _chunk(model, {}, reply.finish_reason or ("tool_calls" if reply.calls else "stop"))
    if reply.fault is Fault.HANG_AFTER_FINISH:
        return
    if reply.usage and asked.get("stream_options", {}).get("include_usage"):
        yield _event({**_frame(model), "choices": [], "usage": _usage(reply.usage)})
    if reply.fault is not Fault.MISSING_DONE:
        yield b"data: [DONE]\n\n"


def _call_events(model: str, index: int, item: dict[str, Any]) -> Iterable[bytes]:
    """A tool call in three pieces, as OpenAI sends it: name, then its arguments in halves."""
    function = item["function"]
    named = {**item, "index": index, "function": {"name": function["name"], "arguments": ""}}
    yield _chunk(model, {"tool_calls": [named]})
    half = len(function["arguments"]) // 2
    for part in (function["arguments"][:half], function["arguments"][half:]):
        yield _chunk(model, {"tool_calls": [{"index": index, "function": {"arguments": part}}]})


def _frame(model: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model}


def _chunk(model: str, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return _event({**_frame(model), "choices": [choice]})


def _event(data: Any) -> bytes:
    return b"data: " + orjson.dumps(data) + b"\n\n"


def _usage(usage: tuple[int, int]) -> dict[str, int]:
    return {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}


def _completion(reply: Reply, model: str) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": "".join(reply.tokens)}
    if reply.calls:
        message["tool_calls"] = list(reply.calls)
    reason = "tool_calls" if reply.calls else "stop"
    body = {**_frame(model), "object": "chat.completion"}
    body["choices"] = [{"index": 0, "message": message, "finish_reason": reason}]
    return {**body, "usage": _usage(reply.usage or (0, 0))}


async def _hang(_send: Send, _model: str) -> None:
    await asyncio.Event().wait()


async def _repeat(event: bytes, send: Send) -> None:
    while True:
        await send(event)
        await asyncio.sleep(0.005)


async def _cut(_send: Send, _model: str) -> None:
    # What was written must leave before the abort drops the socket's buffer.
    await asyncio.sleep(0.01)


async def _malformed(send: Send, _model: str) -> None:
    await send(b'data: {"choices": [{"delta": {"content": "x"\n\n')
    await _cut(send, _model)


async def _not_an_object(send: Send, _model: str) -> None:
    await send(b"data: [1, 2]\n\n")
    await _cut(send, _model)


async def _error(send: Send, _model: str) -> None:
    await send(_event({"error": {"message": "overloaded", "type": "server_error", "code": "overloaded"}}))
    await _cut(send, _model)


async def _no_choices(send: Send, model: str) -> None:
    await send(_event({**_frame(model), "choices": []}) + b"data: [DONE]\n\n")
    await _cut(send, model)


async def _huge(send: Send, model: str) -> None:
    piece = b"x" * (1 << 20)
    await send(b'data: {"choices": [{"delta": {"content": "')
    for _ in range(64):
        await send(piece)
    await _cut(send, model)


_MIDDLE: dict[Fault | None, Callable[[Send, str], Awaitable[None]]] = {
    Fault.HANG_MID_STREAM: _hang,
    Fault.HANG_AFTER_FINISH: _hang,
    Fault.KEEPALIVES_ONLY: lambda send, _model: _repeat(b": keep-alive\n\n", send),
    Fault.EMPTY_DELTAS: lambda send, model: _repeat(_chunk(model, {"content": ""}), send),
    Fault.ENDLESS: lambda send, model: _repeat(_chunk(model, {"content": "again "}), send),
    Fault.CUT_MID_STREAM: _cut,
    Fault.MALFORMED_JSON: _malformed,
    Fault.NOT_AN_OBJECT: _not_an_object,
    Fault.ERROR_IN_STREAM: _error,
    Fault.EMPTY_CHOICES: _no_choices,
    Fault.HUGE_CHUNK: _huge,
}


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
