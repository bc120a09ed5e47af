"""Subjects without rows: destroys the keys of anonymous visitors of whom nothing is left."""

from __future__ import annotations

from desk.domain import Principal, Tenant
from desk.storage import audit, retention
from server.jobs.workplace import Workplace

BATCH = 500
DAYS = 30


async def delete_subjects_without_rows(place: Workplace, tenant: Tenant) -> bool:
    """Delete a batch of visitors older than a month who have no conversation; True when more may be left."""
    async with place.tx(tenant) as tx:
        gone = await retention.delete_subjects_without_rows(tx, days=DAYS, limit=BATCH)
        if gone:
            worker = Principal(tenant.id, "worker")
            await audit.record(tx, worker, "retention.delete", "subjects", {"count": gone, "days": DAYS})
    return gone == BATCH
