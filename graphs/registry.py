"""What there is to run: the graphs by name, and the services that all of them share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from desk.bootstrap import open_engine
from desk.settings import Settings
from graphs.prompting.bundle import graph_version
from graphs.services import Services
from graphs.support import build_support_graph
from graphs.untraced import spawn
from tools import load_tools
from tools.http import TenantHttp

GRAPHS = {"support": build_support_graph}


@asynccontextmanager
async def open_services(
    settings: Settings, database_url: str, *, on_degraded: Callable[[str, str], None]
) -> AsyncIterator[Services]:
    """The engine with prompts and tools, for the life of the context: what server, evals and CLI call."""
    async with (
        open_engine(settings, database_url, on_degraded=on_degraded) as engine,
        TenantHttp(_allowed_hosts(settings)) as http,
    ):
        services = Services(engine, load_tools(), http)
        await services.warm_up()
        await asyncio.to_thread(graph_version)
        following = spawn(services.book.follow())
        try:
            yield services
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await services.aclose()


def _allowed_hosts(settings: Settings) -> list[str]:
    """The order service, as the operator set it; nothing else is reachable for a tool."""
    if settings.shop_api_url is None:
        return []
    parts = urlsplit(settings.shop_api_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return [f"{parts.hostname}:{port}"]
