"""The tools that a tenant declared, made once for each declaration; each reaches its own host alone."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlsplit

from desk.domain import HttpTool, Tenant, TenantId
from desk.settings import Settings
from desk.tooling import Tool
from tools.declared import LONGEST_WAIT, declared_tool
from tools.http import TenantHttp


class TenantTools:
    """Makes and keeps tools by tenant. A host must be public and speak https, or be named by the operator."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clients: dict[str, TenantHttp] = {}
        self._made: dict[TenantId, tuple[tuple[HttpTool, ...], dict[str, Tool[Any]]]] = {}

    def of(self, tenant: Tenant) -> dict[str, Tool[Any]]:
        """The tenant's tools by name; raises Misconfigured for a declaration that was never checked."""
        declared = tenant.settings.http_tools
        known = self._made.get(tenant.id)
        if known is None or known[0] != declared:
            secret = partial(self._secret, tenant.slug)
            made = {one.name: declared_tool(one, self._client(one), secret) for one in declared}
            known = self._made[tenant.id] = (declared, made)
        return known[1]

    async def aclose(self) -> None:
        """Close the connections that were kept."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()
        self._made.clear()

    def _client(self, declared: HttpTool) -> TenantHttp:
        host = urlsplit(declared.url).hostname or ""
        if host not in self._clients:
            allowed = [host, *self._settings.tool_hosts]
            self._clients[host] = TenantHttp(allowed, total_seconds=LONGEST_WAIT)
        return self._clients[host]

    def _secret(self, slug: str, name: str) -> str | None:
        """A tenant names its own secrets alone: they are kept as `tenant/name`."""
        found = self._settings.tool_secrets.get(f"{slug}/{name}")
        return None if found is None else found.get_secret_value()
