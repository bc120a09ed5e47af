"""Deliveries: the outbox of what a tenant is told outside the page; ids only, told until it is heard."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import orjson

from desk.domain import TenantId
from desk.storage import jobs
from desk.storage.jobs import JobName
from desk.storage.pool import Tx

Channel = Literal["webhook", "mail"]

# For this long a delivery belongs to the process that took it.
LEASE_SECONDS = 30

_JOBS: dict[str, JobName] = {"webhook": "webhooks", "mail": "mail"}


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
    channel: Channel
    kind: str
    tries: int


async def owe(tx: Tx, kind: str, *, by_mail: bool = False, **ids: UUID) -> int:
    """Owe the transaction's tenant an event (`noun.verb`), told soon after the commit; how often it is told.

    By webhook if the tenant has a `webhook_url`, and `by_mail` to each address of its `handoff_mail_to`, as
    the settings stand in this transaction. A tenant that wants neither costs a look and no row.
    """
    cursor = await tx.execute(
        _OWE, {"kind": kind, "by_mail": by_mail, "ids": orjson.dumps(jobs.written(ids)).decode()}
    )
    owed: list[tuple[Channel, TenantId]] = await cursor.fetchall()
    for channel, tenant_id in sorted(set(owed)):
        await jobs.defer(tx, _JOBS[channel], tenant_id=tenant_id)
    return len(owed)


async def take(tx: Tx, channel: Channel, *, limit: int) -> list[Delivery]:
    """The oldest deliveries of the tenant that are due; taken, they are not due again for half a minute."""
    cursor = await tx.execute(
        "update deliveries set tries = tries + 1, due_at = now() + make_interval(secs => %s)"
        " where id in (select id from deliveries where state = 'waiting' and due_at <= now()"
        " and tenant_id = app_tenant() and channel = %s order by due_at limit %s for update skip locked)"
        " returning id, kind, ids, tries, created_at",
        (LEASE_SECONDS, channel, limit),
    )
    return [Delivery(*row) for row in await cursor.fetchall()]


async def recipients(tx: Tx) -> dict[str, str]:
    """The tenant's mail addresses, each by the `recipient_id` that stands for it in the outbox."""
    cursor = await tx.execute(
        "select recipient_id(t.id, address)::text, address from tenants t,"  # noqa: S608 - words of ours
        f" jsonb_array_elements_text({_MAIL_TO}) as address where t.id = app_tenant()"
    )
    return dict(await cursor.fetchall())


async def note_ended(tx: Tx, delivery_id: UUID, state: Literal["delivered", "needless"]) -> None:
    """The event was heard, or there is nobody to tell or no reason any more."""
    await tx.execute("update deliveries set state = %s where id = %s", (state, delivery_id))


async def note_missed(tx: Tx, delivery_id: UUID, *, seconds: float | None) -> None:
    """The event was not heard: tell it again in `seconds`, or with None never."""
    await tx.execute(
        "update deliveries set due_at = now() + make_interval(secs => coalesce(%(secs)s::float8, 0)),"
        " state = case when %(secs)s::float8 is null then 'dead' else 'waiting' end where id = %(id)s",
        {"secs": seconds, "id": delivery_id},
    )


async def due_tenants(tx: Tx, channel: Channel) -> list[TenantId]:
    """Tenants who have a delivery that is due; needs a transaction without a tenant."""
    cursor = await tx.execute(
        "select distinct tenant_id from deliveries d where state = 'waiting' and channel = %s"
        " and due_at <= now()"
        " and exists (select from tenants t where t.id = d.tenant_id and t.status = 'active')",
        (channel,),
    )
    return [TenantId(row[0]) for row in await cursor.fetchall()]


async def list_dead(tx: Tx, *, limit: int = 100) -> list[DeadDelivery]:
    """What nobody heard, the oldest first."""
    cursor = await tx.execute(
        "select id, tenant_id, channel, kind, tries from deliveries where state = 'dead'"
        " order by created_at, id limit %s",
        (limit,),
    )
    return [DeadDelivery(*row) for row in await cursor.fetchall()]


async def retry(tx: Tx, delivery_id: UUID) -> bool:
    """Begin again with a dead delivery; False when there is no dead one of this id."""
    cursor = await tx.execute(
        "update deliveries set state = 'waiting', tries = 0, due_at = now()"
        " where id = %s and state = 'dead' returning channel, tenant_id",
        (delivery_id,),
    )
    row = await cursor.fetchone()
    if row is not None:
        await jobs.defer(tx, _JOBS[row[0]], tenant_id=row[1])
    return row is not None


async def forget(tx: Tx, *, days: int) -> int:
    """Delete what was settled or given up `days` ago; returns how many went."""
    cursor = await tx.execute(
        "delete from deliveries where state <> 'waiting' and due_at < now() - make_interval(days => %s)",
        (days,),
    )
    return cursor.rowcount


# A setting that is no list must not fail the transaction of a customer who asks for a person.
_MAIL_TO = (
    "case jsonb_typeof(t.settings -> 'handoff_mail_to') when 'array' then t.settings -> 'handoff_mail_to' end"
)
_OWE = f"""
insert into deliveries (id, tenant_id, channel, kind, ids)
select gen_random_uuid(), t.id, told.channel, %(kind)s, told.ids from tenants t cross join lateral (
    select 'webhook' as channel, %(ids)s::jsonb as ids where t.settings ->> 'webhook_url' is not null
    union all
    select distinct 'mail', %(ids)s::jsonb || jsonb_build_object('recipient_id', recipient_id(t.id, address))
    from jsonb_array_elements_text({_MAIL_TO}) as address where %(by_mail)s
) told where t.id = app_tenant()
returning channel, tenant_id
"""  # noqa: S608 - words of ours
