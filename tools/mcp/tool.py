"""Makes a tool of one that a tenant approved at its MCP server, and says what is wrong about an approval."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack
from typing import Any, Final

from desk.domain import McpServer, McpTool
from desk.errors import Misconfigured, ToolUnavailable, ToolUnreachable
from desk.tooling import Tool, ToolContext, ToolResult
from tools.calling import UNAVAILABLE, Calling, headers_of, seconds_of, writing_of, wrong_manner
from tools.declared import is_address, is_header
from tools.mcp.definition import Definition
from tools.mcp.result import read_result
from tools.mcp.service import McpService, NotAsApproved
from tools.mcp.session import END_SECONDS, SessionEnded
from tools.mcp.wire import Refused, unavailable
from tools.schemas import model_of

LONGEST_LABEL: Final = 100
_SERVER = re.compile(r"[a-z][a-z0-9]{1,19}")
_OFFERED = re.compile(r"[a-z][A-Za-z0-9_-]{1,63}")


def offered_name(server: McpServer, tool: McpTool) -> str:
    """What a model calls the tool."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", f"{server.name}_{tool.name}")


def check_server(server: McpServer) -> None:
    """Raises Misconfigured with what is wrong about a server or an approval."""
    header = is_header(server.secret_header)
    said = {
        "a name is 2 to 20 of a-z and 0-9, and begins with a letter.": _SERVER.fullmatch(server.name),
        "the url must be http(s), without a login.": is_address(server.url),
        "secret_header is a header's name, and none that the desk sets itself.": header,
    }
    for what, holds in said.items():
        if not holds:
            raise Misconfigured(f"The MCP server {server.name!r}: {what}")
    for tool in server.tools:
        wrong = _wrong(server, tool)
        if wrong:
            raise Misconfigured(f"The tool {tool.name!r} of the MCP server {server.name!r}: {wrong}")


def _wrong(server: McpServer, tool: McpTool) -> str | None:
    if not _OFFERED.fullmatch(offered_name(server, tool)):
        return "the server's name and its own have at most 63 characters together."
    if not (0 if not tool.changes else 1) <= len(tool.label) <= LONGEST_LABEL or "\n" in tool.label:
        return (
            f"`label` is a line of at most {LONGEST_LABEL} characters, which the customer says yes to; only a"
            " tool that changes nothing needs none."
        )
    return Definition.approved(tool).why_not() or wrong_manner(tool, writes=tool.changes)


def approved_tool(server: McpServer, tool: McpTool, service: McpService) -> Tool[Any]:
    """The tool; what a model reads of it is what was approved. Its server must have passed `check_server`."""
    call = _Call(tool, service)
    name = offered_name(server, tool)
    return Tool(
        name=name,
        description=f'The service "{server.name}" says of it: {tool.description}',
        arguments=model_of(name, tool.arguments),
        run=Calling(tool, call.ask).run,
        writing=writing_of(tool, tool.label, call.check) if tool.changes else None,
        timeout_seconds=seconds_of(tool) + 2 * END_SECONDS,
    )


class _Call:
    """One tool, asked once; whatever cannot be told apart from having been done raises ToolUnavailable."""

    def __init__(self, tool: McpTool, service: McpService) -> None:
        self._tool, self._service = tool, service

    async def check(self) -> ToolResult | None:
        """The refusal of a tool that is not as it was approved; raises ToolUnavailable."""
        try:
            async with asyncio.timeout(self._tool.timeout_seconds):
                await self._service.shared(self._tool)
        except NotAsApproved:
            return self._no()
        except (ToolUnavailable, TimeoutError) as error:
            raise ToolUnreachable(self._tool.error or UNAVAILABLE) from error
        return None

    async def ask(self, values: dict[str, Any], context: ToolContext) -> ToolResult:
        """What the tool answered; raises ToolUnavailable, and ToolUnreachable when nothing was done."""
        try:
            if self._tool.changes or self._tool.for_customer:
                told = await self._apart(values, context)
            else:
                told = await self._together(values)
        except (NotAsApproved, Refused):
            return self._no()
        except SessionEnded as error:
            raise ToolUnreachable from error
        except TimeoutError as error:
            raise ToolUnavailable from error
        if told.get("isError"):
            if self._tool.changes:  # it may have failed when half of it was done
                raise unavailable("the tool says that it failed")
            return self._no()
        return read_result(told)

    async def _together(self, values: dict[str, Any]) -> dict[str, Any]:
        async with asyncio.timeout(self._tool.timeout_seconds):
            for last in (False, True):
                session = await self._service.shared(self._tool)
                try:
                    return await session.call(self._tool.name, values, {})
                except SessionEnded:
                    self._service.forget(session)
                    if last:
                        raise
        raise AssertionError("the second try returns or raises")

    async def _apart(self, values: dict[str, Any], context: ToolContext) -> dict[str, Any]:
        """In a session of its own, so that a server cannot mix customers up, and listed right before."""
        deadline = asyncio.get_running_loop().time() + self._tool.timeout_seconds
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout_at(deadline):
                    session = await stack.enter_async_context(self._service.alone(self._tool))
            except TimeoutError as error:
                raise ToolUnreachable from error
            async with asyncio.timeout_at(deadline):
                return await session.call(self._tool.name, values, headers_of(self._tool, context))

    def _no(self) -> ToolResult:
        return ToolResult(self._tool.error or "The service says no to that.", ok=False)
