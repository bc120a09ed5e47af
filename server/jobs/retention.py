"""Retention: deletes conversations that are older than the tenant, or else the desk, keeps them."""

from __future__ import annotations

from desk.domain import Principal, Tenant
from desk.errors import Misconfigured
from desk.storage import audit, retention
from server.jobs.workplace import Workplace

BATCH = 100


async def delete_old_conversations(place: Workplace, tenant: Tenant) -> bool:
    """Delete a batch, noted in the audit; True when more may be left. Running turns are never touched."""
    days = tenant.settings.retention_days or place.settings.data_retention_days
    if days < 1:
        raise Misconfigured(f"retention_days of tenant {tenant.slug} is {days}; it must be at least 1.")
    async with place.tx(tenant) as tx:
        gone = await retention.delete_old_conversations(tx, days=days, limit=BATCH)
        if gone:
            detail = {"count": gone, "days": days}
            worker = Principal(tenant.id, "worker")
            await audit.record(tx, worker, "retention.delete", "conversations", detail)
    return gone == BATCH
