"""Broken seals: a row that no longer opens is told, so that what reads many rows can go on without it."""

from __future__ import annotations

from uuid import UUID

import structlog

from desk.domain import TenantId
from desk.telemetry.metrics import BROKEN_SEALS

log = structlog.get_logger("desk.seals")


def note_broken(what: str, tenant_id: TenantId, row: UUID) -> None:
    """Count a row that was passed over and name it in the log; `what` is a word of ours for its kind."""
    BROKEN_SEALS.labels(what).inc()
    log.error("seal_broken", what=what, tenant=str(tenant_id), row=str(row))
