"""Health: alive, ready, and the metrics of this process."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from desk.errors import Draining, NotFound
from desk.telemetry import metrics
from server.deps import CurrentDesk
from server.openapi import shown_as
from server.routes.chat import json_response
from server.shapes.health import HealthOut

router = APIRouter(tags=["health"])


@router.get("/api/v1/healthz", summary="Is the process alive", responses={200: shown_as(HealthOut)})
@router.get("/health", include_in_schema=False)
async def healthz() -> Response:
    """Always ok while the process answers."""
    return json_response({"status": "ok"})


@router.get(
    "/api/v1/readyz", summary="Can the process answer customers", responses={200: shown_as(HealthOut)}
)
async def readyz(desk: CurrentDesk) -> Response:
    """503 while Postgres is away or this process stops; the stores that may be lost do not matter."""
    if desk.runner.draining:
        raise Draining
    await desk.services.engine.database.ping()
    return json_response({"status": "ready"})


@router.get("/metrics", include_in_schema=False)
async def show_metrics(desk: CurrentDesk) -> Response:
    """Prometheus metrics, if the setting puts them on this port."""
    if not desk.services.engine.settings.metrics:
        raise NotFound
    return Response(metrics.render(), media_type=metrics.CONTENT_TYPE)
