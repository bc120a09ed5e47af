"""A replica in a process of its own, for tests that send it signals; its argument is the port."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from desk.settings import Settings
from desk.telemetry.logs import configure_logs
from server.app import around, build_routes
from tests.graphs.speaking import speaking_flow


def _app() -> ASGIApp:
    configure_logs("error")
    settings = Settings()
    routes = build_routes(settings)
    usual = routes.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with usual(app):
            app.state.desk.services.flow = speaking_flow()
            yield

    routes.router.lifespan_context = lifespan
    return around(routes, settings)


if __name__ == "__main__":
    uvicorn.run(_app(), port=int(sys.argv[1]), log_config=None, access_log=False, timeout_graceful_shutdown=5)
