"""Webhook deliveries: the outbox of what a tenant's own service is told; ids only, sent until it is heard."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from desk.domain import TenantId, new_id
from desk.storage import jobs
from desk.storage.pool import Tx

# For this long a delivery belongs to the process that took it.
_LEASE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event to be told; `tries` counts this one."""

    id: UUID
    kind: str
    ids: dict[str, str]
    tries: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DeadDelivery:
    """One event that nobody heard."""

    id: UUID
    tenant_id: TenantId
    kind: str
    tries: int


async def add(tx: Tx, tenant_id: TenantId, kind: str, **ids: UUID) -> UUID:
    """Owe the tenant an event (`noun.verb`), told soon after the caller's transaction commits."""
    delivery_id = new_id()
    await tx.execute(
        "insert into webhook_deliveries (id, tenant_id, kind, ids) values (%s, %s, %s, %s)",
        (delivery_id, tenant_id, kind, orjson.dumps(ids).decode()),
    )
    await jobs.defer(tx, "webhooks", tenant_id=tenant_id)
    return delivery_id


async def take(tx: Tx, *, limit: int) -> list[Delivery]:
    """The oldest deliveries of the tenant that are due; taken, they are not due again for half a minute."""
    cursor = await tx.execute(
        "update webhook_deliveries set tries = tries + 1, due_at = now() + make_interval(secs => %s)"
        " where id in (select id from webhook_deliveries where state = 'waiting' and due_at <= now()"
        " and tenant_id = app_tenant() order by due_at limit %s for update skip locked)"
        " returning id, kind, ids, tries, created_at",
        (_LEASE_SECONDS, limit),
    )
    return [Delivery(*row) for row in await cursor.fetchall()]


async def note_delivered(tx: Tx, delivery_id: UUID) -> None:
    """The event was heard."""
    await tx.execute("update webhook_deliveries set state = 'delivered' where id = %s", (delivery_id,))


async def note_missed(tx: Tx, delivery_id: UUID, *, seconds: float | None) -> None:
    """The event was not heard: tell it again in `seconds`, or with None never."""
    await tx.execute(
        "update webhook_deliveries set due_at = now() + make_interval(secs => coalesce(%(secs)s::float8, 0)),"
        " state = case when %(secs)s::float8 is null then 'dead' else 'waiting' end where id = %(id)s",
        {"secs": seconds, "id": delivery_id},
    )


async def drop_waiting(tx: Tx) -> int:
    """Forget what the tenant was to be told, as it wants to be told nothing."""
    cursor = await tx.execute("delete from webhook_deliveries where state = 'waiting'")
    return cursor.rowcount


async def due_tenants(tx: Tx) -> list[TenantId]:
    """Tenants who have a delivery that is due; needs a transaction without a tenant."""
    cursor = await tx.execute(
        "select distinct tenant_id from webhook_deliveries where state = 'waiting' and due_at <= now()"
    )
    return [TenantId(row[0]) for row in await cursor.fetchall()]


async def list_dead(tx: Tx, *, limit: int = 100) -> list[DeadDelivery]:
    """What nobody heard, the oldest first."""
    cursor = await tx.execute(
        "select id, tenant_id, kind, tries from webhook_deliveries where state = 'dead' order by id limit %s",
        (limit,),
    )
    return [DeadDelivery(*row) for row in await cursor.fetchall()]


async def retry(tx: Tx, delivery_id: UUID) -> bool:
    """Begin again with a dead delivery; False when there is no dead one of this id."""
    cursor = await tx.execute(
        "update webhook_deliveries set state = 'waiting', tries = 0, due_at = now()"
        " where id = %s and state = 'dead' returning tenant_id",
        (delivery_id,),
    )
    row = await cursor.fetchone()
    if row is not None:
        await jobs.defer(tx, "webhooks", tenant_id=row[0])
    return row is not None


async def forget(tx: Tx, *, days: int) -> int:
    """Delete what was delivered or given up `days` ago; returns how many went."""
    cursor = await tx.execute(
        "delete from webhook_deliveries"
        " where state <> 'waiting' and due_at < now() - make_interval(days => %s)",
        (days,),
    )
    return cursor.rowcount
