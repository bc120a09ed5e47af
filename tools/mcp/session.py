"""One session with an MCP server by streamable HTTP: opened, asked for tools, asked to do one, ended."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import count
from typing import Any, Final

from desk.errors import ToolUnavailable
from tools.http import TenantHttp
from tools.mcp.wire import Refused, read_answer, unavailable

# The one we ask for, and others that differ in nothing that we use.
VERSION: Final = "2025-06-18"
VERSIONS: Final = frozenset((VERSION, "2025-11-25", "2025-03-26"))
MOST_PAGES: Final = 5
MOST_LISTED: Final = 200
LONGEST_SESSION_ID: Final = 512
END_SECONDS: Final = 1.0
_SESSION: Final = "Mcp-Session-Id"
_KNOWN: Final = "MCP-Protocol-Version"


class SessionEnded(Exception):
    """The server no longer knows the session, so it did nothing."""


class McpSession:
    """Speaks to the server at `url` by a client that must allow its host; `headers` go with every request.

    It declares no capabilities, so a server may ask it for nothing: no sampling, no roots, no elicitation.
    """

    def __init__(self, http: TenantHttp, url: str, headers: dict[str, str]) -> None:
        self._http, self._url = http, url
        self._headers = {**headers, "Accept": "application/json, text/event-stream"}
        self._numbers = count(1)

    async def open(self) -> None:
        """Shake hands; raises Refused, and ToolUnavailable whose note says what was wrong."""
        who = {"name": "deskgraph", "version": "1"}
        asked = {"protocolVersion": VERSION, "capabilities": {}, "clientInfo": who}
        told = await self._ask("initialize", asked)
        if told.get("protocolVersion") not in VERSIONS:
            raise unavailable(f"the server speaks none of {', '.join(sorted(VERSIONS))}")
        self._headers[_KNOWN] = str(told["protocolVersion"])
        note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        async with self._http.streamed("POST", self._url, headers=self._headers, json=note) as reply:
            if not 200 <= reply.status < 300:
                raise unavailable(f"status {reply.status} after the handshake")
            if reply.status == 202:  # has no body; once that is seen, the connection is used again
                async for _ in reply.pieces:
                    pass

    async def list_tools(self) -> list[dict[str, Any]]:
        """All tools as the server describes them; raises as `call` does."""
        found: list[dict[str, Any]] = []
        page: dict[str, Any] = {}
        for _ in range(MOST_PAGES):
            told = await self._ask("tools/list", page)
            tools = told.get("tools")
            if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
                raise unavailable("the list of tools is none")
            found += tools
            cursor = told.get("nextCursor")
            if len(found) > MOST_LISTED:
                break
            if not isinstance(cursor, str) or not cursor:
                return found
            page = {"cursor": cursor}
        raise unavailable(f"the list of tools has over {MOST_LISTED} tools or {MOST_PAGES} pages")

    async def call(self, name: str, arguments: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
        """The result of one call.

        Raises Refused and SessionEnded when it was surely not done, and ToolUnavailable when nobody knows.
        """
        return await self._ask("tools/call", {"name": name, "arguments": arguments}, headers)

    async def close(self) -> None:
        """End the session, if the server keeps one; whether it heeds that is its own affair."""
        if _SESSION in self._headers:
            with suppress(ToolUnavailable, TimeoutError):
                async with (
                    asyncio.timeout(END_SECONDS),
                    self._http.streamed("DELETE", self._url, headers=self._headers),
                ):
                    pass

    async def _ask(
        self, method: str, params: dict[str, Any], headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        number = next(self._numbers)
        body = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        sent = {**self._headers, **(headers or {})}
        async with self._http.streamed("POST", self._url, headers=sent, json=body) as reply:
            if reply.status == 404 and _SESSION in self._headers:
                raise SessionEnded
            if 400 <= reply.status < 500:
                raise Refused
            if not 200 <= reply.status < 300:
                raise unavailable(f"status {reply.status}")
            result = await read_answer(reply, number)
            if method == "initialize":
                self._keep(reply.headers.get(_SESSION))
            return result

    def _keep(self, session: str | None) -> None:
        if session is None:
            return
        if not 1 <= len(session) <= LONGEST_SESSION_ID or not all("!" <= sign <= "~" for sign in session):
            raise unavailable("the session's id is none")
        self._headers[_SESSION] = session
