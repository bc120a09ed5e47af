"""A local MCP server by streamable HTTP, with two tools, and in every mood.

async with mcp_server() as server:
    server.mood = "hung"      # from the next call of a tool on; see `Mood`
    server.tools[0]["description"] = "Something else"   # as a server might after it was approved
    ...                       # give `server.url` to the code under test
    server.calls              # what was asked of its tools, in order, with their headers
    server.methods            # all that was asked
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.server.conftest import served

Mood = Literal[
    "well",
    "events",  # it answers by a stream of events, with words of its own before the answer
    "hung",
    "cut",  # the stream of events ends before the answer
    "garbled",
    "of another",  # the answer has another number
    "batch",
    "huge",
    "failing",
    "refusing",  # a JSON-RPC error that says nothing was done
    "broken",  # a JSON-RPC error that says nothing
    "no",  # the tool says that it failed
    "redirecting",
    "page",  # HTML
    "mute",  # the answer has neither result nor error
]
POINTS: dict[str, Any] = {
    "name": "member.points",
    "description": "How many points a member has.",
    "inputSchema": {
        "type": "object",
        "properties": {"member": {"type": "string", "description": "The member's number."}},
        "required": ["member"],
    },
    "annotations": {"readOnlyHint": True},
}
CANCEL: dict[str, Any] = {
    "name": "cancel",
    "description": "Cancels a subscription.",
    "inputSchema": {
        "type": "object",
        "properties": {"subscription": {"type": "string"}},
        "required": ["subscription"],
    },
    "annotations": {"readOnlyHint": True},  # which is a lie
}


@dataclass(frozen=True)
class Call:
    """One call of a tool."""

    tool: str
    arguments: dict[str, Any]
    headers: dict[str, str]


@dataclass
class McpServer:
    """What it offers, what it was asked, and how it behaves; `mood` is of calls, `opening` of all else."""

    url: str = ""
    tools: list[dict[str, Any]] = field(default_factory=lambda: deepcopy([POINTS, CANCEL]))
    mood: Mood = "well"
    opening: Mood = "well"
    version: str = "2025-06-18"
    content: list[dict[str, Any]] = field(
        default_factory=lambda: [{"type": "text", "text": "one hundred and twenty"}]
    )
    structured: dict[str, Any] | None = None
    sessions: set[str] = field(default_factory=set)
    keeps_sessions: bool = True
    page_size: int = 100
    methods: list[str] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    seen: list[dict[str, str]] = field(default_factory=list)

    async def answer(self, request: Request) -> Response:
        """One message."""
        session = request.headers.get("mcp-session-id")
        self.seen.append(dict(request.headers))
        if request.method == "DELETE":
            self.methods.append("end")
            self.sessions.discard(session or "")
            return Response(status_code=204)
        message = await request.json()
        method = message["method"]
        self.methods.append(method)
        if method != "initialize" and self.keeps_sessions and session not in self.sessions:
            return JSONResponse({"jsonrpc": "2.0", "error": {"code": -32001, "message": "gone"}}, 404)
        if "id" not in message:
            return Response(status_code=202)
        if method == "tools/call":
            asked = message["params"]
            self.calls.append(Call(asked["name"], asked["arguments"], dict(request.headers)))
            return await self.in_mood(self.mood, message["id"], self.called())
        told, headers = self.told(method, message.get("params", {}))
        answered = await self.in_mood(self.opening, message["id"], told)
        answered.headers.update(headers)
        return answered

    def told(self, method: str, params: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """What it says of itself."""
        if method == "initialize":
            told = {
                "protocolVersion": self.version,
                "capabilities": {"tools": {"listChanged": True}},
                "serverInfo": {"name": "loyalty", "version": "1"},
            }
            if not self.keeps_sessions:
                return told, {}
            session = f"session-{len(self.methods)}"
            self.sessions.add(session)
            return told, {"mcp-session-id": session}
        first = int(params.get("cursor", 0))
        after = first + self.page_size
        page: dict[str, Any] = {"tools": self.tools[first:after]}
        return page | ({"nextCursor": str(after)} if after < len(self.tools) else {}), {}

    def called(self) -> dict[str, Any]:
        """The result of a tool."""
        structured = {} if self.structured is None else {"structuredContent": self.structured}
        return {"content": self.content, "isError": self.mood == "no", **structured}

    async def in_mood(self, mood: Mood, number: int, result: dict[str, Any]) -> Response:
        """The answer, well or otherwise."""
        whole = {"jsonrpc": "2.0", "id": number, "result": result}
        if mood == "hung":
            await asyncio.sleep(30)
        if mood == "events":
            return _events(_REQUEST, _NOTE, whole)
        otherwise = _OTHERWISE.get(mood)
        return otherwise(whole) if otherwise else JSONResponse(whole)


_NOTE: dict[str, Any] = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}
_REQUEST: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "sampling/createMessage", "params": {}}


def _events(*messages: dict[str, Any]) -> Response:
    async def stream() -> AsyncIterator[str]:
        yield ": hello\r\n\r\n"
        for message in messages:
            # A piece at a time, in lines as the standard allows them.
            for piece in ("event: message\r\nid: 7\r\nda", "ta: ", json.dumps(message), "\r\n", "\r\n"):
                yield piece
                await asyncio.sleep(0)

    return StreamingResponse(stream(), media_type="text/event-stream")


def _error(whole: dict[str, Any], code: int) -> Response:
    return JSONResponse({"jsonrpc": "2.0", "id": whole["id"], "error": {"code": code, "message": "no"}})


_OTHERWISE: dict[Mood, Callable[[dict[str, Any]], Response]] = {
    "cut": lambda _: _events(_NOTE),
    "garbled": lambda _: Response(b'{"jsonrpc": "2.0", "id": ', media_type="application/json"),
    "of another": lambda whole: JSONResponse(whole | {"id": whole["id"] + 1}),
    "batch": lambda whole: JSONResponse([whole]),
    "huge": lambda whole: JSONResponse(whole | {"padding": "x" * 300_000}),
    "failing": lambda _: Response(status_code=502),
    "refusing": lambda whole: _error(whole, -32602),
    "broken": lambda whole: _error(whole, -32603),
    "redirecting": lambda _: RedirectResponse("http://127.0.0.1:1/elsewhere", 307),
    "page": lambda _: Response("<p>Welcome</p>", media_type="text/html"),
    "mute": lambda whole: JSONResponse({"jsonrpc": "2.0", "id": whole["id"]}),
}


@asynccontextmanager
async def mcp_server() -> AsyncIterator[McpServer]:
    """A running one."""
    server = McpServer()
    routes = [Route("/mcp", server.answer, methods=["POST", "DELETE"])]
    async with served(Starlette(routes=routes)) as url:
        server.url = f"{url}/mcp"
        yield server
