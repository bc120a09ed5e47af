"""A tenant's MCP server as its tools stand on it: sessions, and whether a tool is still what was approved."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final

import structlog

from desk.domain import McpServer, McpTool
from desk.errors import ToolUnavailable, ToolUnreachable
from desk.telemetry.metrics import MCP_TOOLS_LEFT_OUT
from tools.calling import Secret
from tools.http import TenantHttp
from tools.mcp.definition import Definition, standing
from tools.mcp.session import McpSession, SessionEnded
from tools.mcp.wire import Refused

LISTED_SECONDS: Final = 60.0
LEFT_OUT_SECONDS: Final = 300.0

log = structlog.get_logger("desk.mcp")


class NotAsApproved(Exception):
    """The server describes the tool otherwise than it was approved, or has it no more: nothing was asked."""


@contextmanager
def _nothing_asked() -> Iterator[None]:
    """Whatever goes wrong here, the tool itself was not asked for anything."""
    try:
        yield
    except (ToolUnavailable, SessionEnded, Refused) as error:
        raise ToolUnreachable from error


@dataclass(frozen=True, slots=True)
class _Shared:
    """A session in use, what was listed in it, and until when that counts."""

    session: McpSession
    listed: list[Definition]
    until: float


class McpService:
    """Reaches the server by `http`, which must allow its host; `secret` is asked for at each session."""

    def __init__(self, server: McpServer, tenant: str, http: TenantHttp, secret: Secret) -> None:
        self._server, self._tenant, self._http, self._secret = server, tenant, http, secret
        self._lock = asyncio.Lock()
        self._shared: _Shared | None = None
        self._left_out: dict[str, float] = {}

    def left_out(self, tool: McpTool) -> bool:
        """Whether the tool was found not to be as it was approved, a short while ago."""
        return self._left_out.get(tool.name, 0.0) > time.monotonic()

    def forget(self, session: McpSession) -> None:
        """Open another one next time."""
        if self._shared is not None and self._shared.session is session:
            self._shared = None

    async def shared(self, tool: McpTool) -> McpSession:
        """The session that all share, in which the tool was listed lately, as it was approved.

        Raises NotAsApproved, and ToolUnreachable, as nothing was asked for yet.
        """
        async with self._lock:
            with _nothing_asked():
                known = await self._listed_lately()
        self._compare(known.listed, tool)
        return known.session

    @asynccontextmanager
    async def alone(self, tool: McpTool) -> AsyncIterator[McpSession]:
        """A session of its own, in which the tool is as it was approved; raises as `shared` does."""
        session = self._new()
        try:
            with _nothing_asked():
                listed = await _opened(session)
            self._compare(listed, tool)
            yield session
        finally:
            await session.close()

    async def look(self) -> list[Definition]:
        """All that the server offers now; raises ToolUnreachable."""
        session = self._new()
        try:
            with _nothing_asked():
                return await _opened(session)
        finally:
            await session.close()

    async def _listed_lately(self) -> _Shared:
        known = self._shared
        if known is not None and known.until > time.monotonic():
            return known
        self._shared = None
        session = known.session if known else self._new()
        try:
            listed = await (_definitions(session) if known else _opened(session))
        except SessionEnded:
            session = self._new()
            listed = await _opened(session)
        self._shared = _Shared(session, listed, time.monotonic() + LISTED_SECONDS)
        return self._shared

    def _new(self) -> McpSession:
        headers = {}
        if self._server.secret is not None:
            value = self._secret(self._server.secret)
            if value is None:
                raise ToolUnreachable
            headers[self._server.secret_header] = value
        return McpSession(self._http, self._server.url, headers)

    def _compare(self, listed: list[Definition], tool: McpTool) -> None:
        how = standing(listed, tool)
        if how == "as approved":
            return
        self._left_out[tool.name] = time.monotonic() + LEFT_OUT_SECONDS
        MCP_TOOLS_LEFT_OUT.labels(how).inc()
        what = f"{self._server.name}: {tool.name}"
        log.warning("mcp_tool_not_as_approved", tenant=self._tenant, what=what, outcome=how)
        raise NotAsApproved


async def _opened(session: McpSession) -> list[Definition]:
    await session.open()
    return await _definitions(session)


async def _definitions(session: McpSession) -> list[Definition]:
    found = map(Definition.of, await session.list_tools())
    return [one for one in found if one is not None]
