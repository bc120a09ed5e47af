"""JSON-RPC in a streamable HTTP reply: one JSON object, or events until the answer is among them."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, Final

from desk.errors import ToolUnavailable
from tools.http import Streamed

# Not read, no such request, no such method, wrong parameters: nothing was done.
_SURELY_NOT: Final = frozenset((-32700, -32600, -32601, -32602))


class Refused(Exception):
    """The server will not do it, and has not."""


def unavailable(reason: str) -> ToolUnavailable:
    """The customer reads a standard sentence; the note is for the log."""
    error = ToolUnavailable()
    error.add_note(reason)
    return error


async def read_answer(reply: Streamed, number: int) -> dict[str, Any]:
    """The result of the request of this number; raises Refused, or ToolUnavailable for everything else.

    What else a server sends meanwhile (notifications, requests of its own) is left unread.
    """
    if reply.kind == "application/json":
        message = _decoded(b"".join([piece async for piece in reply.pieces]))
        if not _answers(message, number):
            raise unavailable("the answer is to another request")
        return _result(message)
    if reply.kind != "text/event-stream":
        raise unavailable("the answer is neither JSON nor a stream of events")
    async with aclosing(_events(reply.pieces)) as events:
        async for data in events:
            message = _decoded(data)
            if _answers(message, number):
                return _result(message)
    raise unavailable("the stream ended before the answer")


async def _events(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The data of each event; the end of a stream ends no event."""
    rest = bytearray()
    data: list[bytes] = []
    async for piece in pieces:
        rest += piece
        if b"\n" not in piece:
            continue
        *lines, rest = rest.split(b"\n")
        for line in lines:
            field = line.removesuffix(b"\r")
            if field.startswith(b"data:"):
                data.append(bytes(field[5:].removeprefix(b" ")))
            elif not field and data:
                yield b"\n".join(data)
                data = []


def _decoded(data: bytes) -> dict[str, Any]:
    try:
        message = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise unavailable("a message is not JSON") from error
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise unavailable("a message is not JSON-RPC 2.0")
    return message


def _answers(message: dict[str, Any], number: int) -> bool:
    known = message.get("id")
    return "method" not in message and type(known) is int and known == number


def _result(message: dict[str, Any]) -> dict[str, Any]:
    error, result = message.get("error"), message.get("result")
    if isinstance(error, dict):
        code = error.get("code")
        if isinstance(code, int) and code in _SURELY_NOT:
            raise Refused
        raise unavailable("the server answered with an error")
    if not isinstance(result, dict):
        raise unavailable("the answer has no result")
    return result
