"""Retention: deletes what is older than the tenant, or else the desk, keeps it, class by class."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import get_args

from desk.domain import Principal, Tenant, TenantId
from desk.errors import Misconfigured
from desk.storage import audit, audit_seals, retention, tenants
from desk.storage.pool import Tx
from desk.storage.retention import Kept
from desk.storage.tenants import TenantAge
from server.jobs.workplace import Workplace

BATCH = 100
ROWS = 1000


async def with_old_rows(place: Workplace) -> list[TenantId]:
    """Tenants that may have a row older than some class is kept, by when they had their first turn."""
    async with place.database.control_tx() as tx:
        ages = await tenants.list_ages(tx)
    return [one.id for one in ages if _may_be_old(place, one)]


def _may_be_old(place: Workplace, one: TenantAge) -> bool:
    try:
        settings = tenants.read_settings(one.settings)
    except Misconfigured:
        return True  # the job says what is wrong
    kept: dict[str, int | None] = asdict(settings.retention)
    audit_days = kept.pop("audit")
    kept["days"] = settings.retention_days or place.settings.data_retention_days
    shortest = min(days for days in kept.values() if days is not None)
    return _is_older(one.first_turn_at, shortest) or _is_older(one.created_at, audit_days)


def _is_older(moment: datetime | None, days: int | None) -> bool:
    return moment is not None and days is not None and moment < datetime.now(UTC) - timedelta(days=days)


async def delete_old(place: Workplace, tenant: Tenant) -> bool:
    """Delete a batch of each class, noted in the audit; True when more may be left.

    Running turns, and conversations that have one, are never touched.
    """
    more = [await delete_old_conversations(place, tenant)]
    days: dict[str, int | None] = asdict(tenant.settings.retention)
    async with place.tx(tenant) as tx:
        if (limit := _days(tenant, "messages", days["messages"])) is not None:
            gone = await retention.delete_old_turns(tx, days=limit, limit=BATCH)
            await _note(tx, tenant, "messages", gone, limit)
            more.append(gone == BATCH)
    for kept in get_args(Kept):
        if (limit := _days(tenant, kept, days[kept])) is not None:
            async with place.tx(tenant) as tx:
                gone = await retention.delete_old(tx, kept, days=limit, limit=ROWS)
                await _note(tx, tenant, kept, gone, limit)
            more.append(gone == ROWS)
    if days["audit"] is not None:
        async with place.tx(tenant) as tx:
            worker = Principal(tenant.id, "worker")
            up_to = await audit_seals.prune(tx, worker, days=days["audit"], limit=ROWS)
        more.append(up_to is not None)
    return any(more)


async def delete_old_conversations(place: Workplace, tenant: Tenant) -> bool:
    """Delete a batch of conversations that nobody touched, with all that hangs on them."""
    days = _days(tenant, "days", tenant.settings.retention_days or place.settings.data_retention_days)
    assert days is not None
    async with place.tx(tenant) as tx:
        gone = await retention.delete_old_conversations(tx, days=days, limit=BATCH)
        await _note(tx, tenant, "conversations", gone, days)
    return gone == BATCH


def _days(tenant: Tenant, name: str, days: int | None) -> int | None:
    """The number, which settings that were read have checked; once more, as this deletes."""
    if days is not None and days < 1:
        raise Misconfigured(f"retention_{name} of tenant {tenant.slug} is {days}; it must be at least 1.")
    return days


async def _note(tx: Tx, tenant: Tenant, what: str, count: int, days: int) -> None:
    if count:
        worker = Principal(tenant.id, "worker")
        await audit.record(tx, worker, "retention.delete", what, {"count": count, "days": days})
