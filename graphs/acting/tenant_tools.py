"""The tools that a tenant declared or approved, made once for each such; each reaches its own host alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from desk.domain import HttpTool, McpServer, McpTool, Tenant, TenantId
from desk.settings import Settings
from desk.tooling import Tool
from tools.calling import LONGEST_WAIT
from tools.declared import declared_tool
from tools.http import TenantHttp
from tools.mcp.service import McpService
from tools.mcp.tool import approved_tool


def client_for(settings: Settings, url: str) -> TenantHttp:
    """A client for one host, which must be public and speak https, or be named by the operator."""
    return TenantHttp([urlsplit(url).hostname or "", *settings.tool_hosts], total_seconds=LONGEST_WAIT)


def secret_of(settings: Settings, slug: str, name: str) -> str | None:
    """A tenant names its own secrets alone: they are kept as `tenant/name`."""
    found = settings.tool_secrets.get(f"{slug}/{name}")
    return None if found is None else found.get_secret_value()


@dataclass(frozen=True, slots=True)
class _Approved:
    """A tool of an MCP server, which is left out while it is not as it was approved."""

    tool: Tool[Any]
    declared: McpTool
    service: McpService


@dataclass(frozen=True, slots=True)
class _Made:
    """The tools of a tenant, and what they were made of."""

    of: tuple[tuple[HttpTool, ...], tuple[McpServer, ...]]
    declared: dict[str, Tool[Any]]
    approved: tuple[_Approved, ...]


class TenantTools:
    """Makes and keeps tools by tenant."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clients: dict[str, TenantHttp] = {}
        self._made: dict[TenantId, _Made] = {}

    def of(self, tenant: Tenant) -> dict[str, Tool[Any]]:
        """The tenant's tools by name; raises Misconfigured for a declaration that was never checked."""
        known = self._made.get(tenant.id)
        if known is None or known.of != (tenant.settings.http_tools, tenant.settings.mcp_servers):
            known = self._made[tenant.id] = self._make(tenant)
        offered = (one.tool for one in known.approved if not one.service.left_out(one.declared))
        return {tool.name: tool for tool in offered} | known.declared

    async def aclose(self) -> None:
        """Close the connections that were kept."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()
        self._made.clear()

    def _make(self, tenant: Tenant) -> _Made:
        declared, servers = tenant.settings.http_tools, tenant.settings.mcp_servers
        secret = partial(secret_of, self._settings, tenant.slug)
        approved = []
        for server in servers:
            service = McpService(server, tenant.slug, self._client(server.url), secret)
            approved += [
                _Approved(approved_tool(server, tool, service), tool, service) for tool in server.tools
            ]
        made = {one.name: declared_tool(one, self._client(one.url), secret) for one in declared}
        return _Made((declared, servers), made, tuple(approved))

    def _client(self, url: str) -> TenantHttp:
        host = urlsplit(url).hostname or ""
        if host not in self._clients:
            self._clients[host] = client_for(self._settings, url)
        return self._clients[host]
