"""What a server of OpenAI's chat completions answers: well, with an error, or with one of many faults."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
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
    NOT_A_CHOICE = "not_a_choice"
    ERROR_IN_STREAM = "error_in_stream"
    EMPTY_CHOICES = "empty_choices"
    ENDED_EARLY = "ended_early"
    MISSING_DONE = "missing_done"
    HANG_AFTER_FINISH = "hang_after_finish"
    ENDLESS = "endless"
    HUGE_CHUNK = "huge_chunk"
    SPLIT_UTF8 = "split_utf8"
    NOT_UTF8 = "not_utf8"
    CRLF = "crlf"
    NULL_FIELDS = "null_fields"
    WRONG_MODEL = "wrong_model"
    TWO_CHOICES = "two_choices"
    TEXT_AFTER_FINISH = "text_after_finish"
    FINISH_TWICE = "finish_twice"
    CALL_WITHOUT_ID = "call_without_id"
    CUT_ARGUMENTS = "cut_arguments"


@dataclass(frozen=True, slots=True)
class Reply:
    """One scripted answer."""

    tokens: tuple[str, ...] = ("Hello", ".")
    calls: tuple[dict[str, Any], ...] = ()
    usage: tuple[int, int] | None = (12, 5)
    pause: float = 0.0
    delay: float = 0.0
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
    delay: float = 0.0,
    fault: Fault | None = None,
    finish_reason: str | None = None,
) -> Reply:
    """An answer of these tokens and tool calls."""
    return Reply(tokens, tuple(calls), usage, pause, delay, fault, finish_reason=finish_reason)


def call(name: str, /, call_id: str = "call_1", **arguments: Any) -> dict[str, Any]:
    """A tool call as the wire carries it."""
    function = {"name": name, "arguments": orjson.dumps(arguments).decode()}
    return {"id": call_id, "type": "function", "function": function}


def refuse(status: int, *, retry_after: float | None = None, code: str = "refused") -> Reply:
    """An error status with OpenAI's error body."""
    headers = () if retry_after is None else (("retry-after", str(retry_after)),)
    return Reply(status=status, headers=headers, error={"message": f"status {status}", "code": code})


def events(reply: Reply, asked: dict[str, Any]) -> Iterable[bytes]:
    """The event stream's pieces up to the fault, if there is one in the middle."""
    for chunk in _chunks(reply, asked):
        for odd in _oddly(reply.fault, {**chunk, "model": asked["model"]}):
            yield _event(odd) if reply.fault is not Fault.CRLF else _event(odd).replace(b"\n", b"\r\n")
    if reply.fault not in MIDDLE and reply.fault not in (Fault.MISSING_DONE, Fault.ENDED_EARLY):
        yield b"data: [DONE]\n\n"


def _chunks(reply: Reply, asked: dict[str, Any]) -> Iterable[dict[str, Any]]:
    yield _chunk({"role": "assistant", "content": ""})
    yield from (_chunk({"content": token}) for token in reply.tokens)
    if reply.fault is Fault.ENDED_EARLY or reply.fault in MIDDLE.keys() - {Fault.HANG_AFTER_FINISH}:
        return
    for index, item in enumerate(reply.calls):
        yield from _call_chunks(reply.fault, index, item)
    yield _chunk({}, reply.finish_reason or ("tool_calls" if reply.calls else "stop"))
    if reply.fault is Fault.HANG_AFTER_FINISH:
        return
    if reply.usage and asked.get("stream_options", {}).get("include_usage"):
        yield {**_FRAME, "choices": [], "usage": _usage(reply.usage)}


def _call_chunks(fault: Fault | None, index: int, item: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """A tool call in three pieces, as OpenAI sends it: name, then its arguments in halves."""
    function = item["function"]
    named = {**item, "index": index, "function": {"name": function["name"], "arguments": ""}}
    if fault is Fault.CALL_WITHOUT_ID:
        named["id"] = None
    yield _chunk({"tool_calls": [named]})
    half = len(function["arguments"]) // 2
    rest = "" if fault is Fault.CUT_ARGUMENTS else function["arguments"][half:]
    for part in (function["arguments"][:half], rest):
        yield _chunk({"tool_calls": [{"index": index, "function": {"arguments": part}}]})


def _oddly(fault: Fault | None, chunk: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """The chunk as a server sends it that has habits of its own."""
    ends = bool(chunk["choices"]) and chunk["choices"][0]["finish_reason"] is not None
    match fault:
        case Fault.WRONG_MODEL:
            yield {**chunk, "model": "another-model"}
        case Fault.NULL_FIELDS:
            nothing = {"role": None, "refusal": None, "tool_calls": None, "function_call": None}
            choices = [choice | {"delta": nothing | choice["delta"]} for choice in chunk["choices"]]
            yield {"usage": None, "system_fingerprint": None, **chunk, "choices": choices}
        case Fault.TWO_CHOICES:
            yield chunk
            others = [{**choice, "index": 1} for choice in chunk["choices"]]
            yield {**chunk, "choices": others}
        case Fault.FINISH_TWICE:
            yield from (chunk, chunk) if ends else (chunk,)
        case Fault.TEXT_AFTER_FINISH:
            yield from (chunk, _chunk({"content": "too late"})) if ends else (chunk,)
        case _:
            yield chunk


_FRAME: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "local-model",
}


def _chunk(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    return {**_FRAME, "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}


def _event(data: Any) -> bytes:
    return b"data: " + orjson.dumps(data) + b"\n\n"


def _usage(usage: tuple[int, int]) -> dict[str, int]:
    return {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}


def completion(reply: Reply, model: str) -> dict[str, Any]:
    """The whole answer of a call that is not streamed."""
    message: dict[str, Any] = {"role": "assistant", "content": "".join(reply.tokens)}
    if reply.calls:
        message["tool_calls"] = list(reply.calls)
    reason = "tool_calls" if reply.calls else "stop"
    body = {**_FRAME, "model": model, "object": "chat.completion"}
    body["choices"] = [{"index": 0, "message": message, "finish_reason": reason}]
    return {**body, "usage": _usage(reply.usage or (0, 0))}


async def _hang(_send: Send) -> None:
    await asyncio.Event().wait()


async def _repeat(event: bytes, send: Send) -> None:
    while True:
        await send(event)
        await asyncio.sleep(0.005)


async def _cut(_send: Send) -> None:
    # What was written must leave before the abort drops the socket's buffer.
    await asyncio.sleep(0.01)


async def _malformed(send: Send) -> None:
    await send(b'data: {"choices": [{"delta": {"content": "x"\n\n')
    await _cut(send)


async def _not_utf8(send: Send) -> None:
    await send(b'data: {"choices": [{"index": 0, "delta": {"content": "\xff\xfe"}}]}\n\n')
    await _cut(send)


async def _not_an_object(send: Send) -> None:
    await send(b"data: [1, 2]\n\n")
    await _cut(send)


async def _not_a_choice(send: Send) -> None:
    await send(b'data: {"choices": ["Hello"]}\n\n')
    await _cut(send)


async def _error(send: Send) -> None:
    await send(_event({"error": {"message": "overloaded", "type": "server_error", "code": "overloaded"}}))
    await _cut(send)


async def _no_choices(send: Send) -> None:
    await send(_event({**_FRAME, "choices": []}) + b"data: [DONE]\n\n")
    await _cut(send)


async def _huge(send: Send) -> None:
    piece = b"x" * (1 << 20)
    await send(b'data: {"choices": [{"delta": {"content": "')
    for _ in range(64):
        await send(piece)
    await _cut(send)


MIDDLE: dict[Fault | None, Callable[[Send], Awaitable[None]]] = {
    Fault.HANG_MID_STREAM: _hang,
    Fault.HANG_AFTER_FINISH: _hang,
    Fault.KEEPALIVES_ONLY: lambda send: _repeat(b": keep-alive\n\n", send),
    Fault.EMPTY_DELTAS: lambda send: _repeat(_event(_chunk({"content": ""})), send),
    Fault.ENDLESS: lambda send: _repeat(_event(_chunk({"content": "again "})), send),
    Fault.CUT_MID_STREAM: _cut,
    Fault.MALFORMED_JSON: _malformed,
    Fault.NOT_UTF8: _not_utf8,
    Fault.NOT_AN_OBJECT: _not_an_object,
    Fault.NOT_A_CHOICE: _not_a_choice,
    Fault.ERROR_IN_STREAM: _error,
    Fault.EMPTY_CHOICES: _no_choices,
    Fault.HUGE_CHUNK: _huge,
}
