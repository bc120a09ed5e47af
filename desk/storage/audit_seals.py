"""Audit seals: the links of each tenant's chain over its audit; added in order, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from desk.domain import Principal, TenantId
from desk.storage import audit
from desk.storage.audit import AuditRow
from desk.storage.pool import Tx

_ROW = "a.tenant_id, a.id, a.at, a.actor, a.action, a.object, a.detail"
_SEAL = "number, audit_id, sealed_at, hash, mac"


@dataclass(frozen=True, slots=True)
class Seal:
    """One link; numbers of a tenant begin at 1 and have no gaps."""

    number: int
    audit_id: UUID
    sealed_at: datetime
    hash: bytes
    mac: bytes


@dataclass(frozen=True, slots=True)
class Sealed:
    """A seal with its row; None when the row is gone."""

    seal: Seal
    row: AuditRow | None


async def take_lock(tx: Tx) -> bool:
    """Whether this transaction is the one that seals for its tenant now."""
    cursor = await tx.execute(
        "select pg_try_advisory_xact_lock(hashtextextended('audit_seals:' || app_tenant()::text, 0))"
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def head(tx: Tx) -> Seal | None:
    """The newest seal."""
    cursor = await tx.execute(f"select {_SEAL} from audit_seals order by number desc limit 1")  # noqa: S608
    row = await cursor.fetchone()
    return Seal(*row) if row else None


async def get(tx: Tx, number: int) -> Seal | None:
    """The seal of this number."""
    cursor = await tx.execute(f"select {_SEAL} from audit_seals where number = %s", (number,))  # noqa: S608
    row = await cursor.fetchone()
    return Seal(*row) if row else None


async def unsealed(tx: Tx, *, limit: int) -> list[AuditRow]:
    """Rows that have no seal yet, the oldest first."""
    cursor = await tx.execute(
        f"select {_ROW} from audit a"  # noqa: S608
        " where not exists (select from audit_seals s where s.tenant_id = a.tenant_id and s.audit_id = a.id)"
        " order by a.at, a.id limit %s",
        (limit,),
    )
    return [AuditRow(*row) for row in await cursor.fetchall()]


async def list_grown(tx: Tx) -> list[TenantId]:
    """Active tenants whose audit may have rows without a seal; needs a transaction without a tenant."""
    cursor = await tx.execute(
        "select distinct a.tenant_id from audited_hours a join tenants t on t.id = a.tenant_id"
        " where t.status = 'active'"
    )
    return [TenantId(row[0]) for row in await cursor.fetchall()]


async def note_sealed(tx: Tx, late: timedelta) -> None:
    """All rows were sealed: hours that nobody can add to any more, but for those `late`, are forgotten."""
    await tx.execute(
        "delete from audited_hours where tenant_id = app_tenant()"
        " and hour < date_trunc('hour', now() - %s::interval)",
        (late,),
    )


async def tail(tx: Tx, *, late_before: datetime | None) -> tuple[int, int]:
    """How many rows have no seal yet, and how many of them are older than a moment."""
    cursor = await tx.execute(
        "select count(*), count(*) filter (where a.at < %s) from audit a"
        " where not exists (select from audit_seals s where s.tenant_id = a.tenant_id and s.audit_id = a.id)",
        (late_before,),
    )
    row = await cursor.fetchone()
    return (row[0], row[1]) if row else (0, 0)


async def add(tx: Tx, tenant_id: TenantId, seals: Sequence[Seal]) -> None:
    """Append to the chain."""
    columns: list[list[Any]] = [
        [seal.number for seal in seals],
        [seal.audit_id for seal in seals],
        [seal.sealed_at for seal in seals],
        [seal.hash for seal in seals],
        [seal.mac for seal in seals],
    ]
    await tx.execute(
        "insert into audit_seals (tenant_id, number, audit_id, sealed_at, hash, mac)"
        " select %s, s.* from"
        " unnest(%s::bigint[], %s::uuid[], %s::timestamptz[], %s::bytea[], %s::bytea[]) s",
        (tenant_id, *columns),
    )


async def list_sealed(tx: Tx, *, after: int, limit: int) -> list[Sealed]:
    """Links above a number in order, each with its row."""
    seal = ", ".join(f"s.{name}" for name in _SEAL.split(", "))
    cursor = await tx.execute(
        f"select {seal}, {_ROW} from audit_seals s"  # noqa: S608
        " left join audit a on a.tenant_id = s.tenant_id and a.id = s.audit_id"
        " where s.number > %s order by s.number limit %s",
        (after, limit),
    )
    return [
        Sealed(Seal(*row[:5]), AuditRow(*row[5:]) if row[5] is not None else None)
        for row in await cursor.fetchall()
    ]


async def prune(tx: Tx, worker: Principal, *, days: int, limit: int) -> int | None:
    """Delete a batch of sealed rows older than `days`, at least 30, and note up to which seal; None if none.

    The last of their seals stays, as the rest of the chain stands on it.
    """
    cursor = await tx.execute("select prune_audit(%s, %s)", (days, limit))
    row = await cursor.fetchone()
    if row is None or row[0] is None:
        return None
    up_to = int(row[0])
    await audit.record(tx, worker, "retention.delete", audit.OBJECT, {"up_to": up_to, "days": days})
    return up_to
