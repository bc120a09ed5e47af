"""Audit: who did what to what; written in the act's own transaction, never changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from desk.domain import Principal, TenantId, new_id
from desk.storage.pool import Tx

# What rows about the audit itself name as their object.
OBJECT = "audit"


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One act; `actor` is a subject's id, or the scope of who has none."""

    tenant_id: TenantId
    id: UUID
    at: datetime
    actor: str
    action: str
    object: str
    detail: dict[str, Any]


async def record(
    tx: Tx, principal: Principal, action: str, target: str, detail: dict[str, Any] | None = None
) -> None:
    """Note a privileged act; `detail` holds ids and numbers, never what a customer wrote."""
    await tx.execute(
        "insert into audit (tenant_id, id, actor, action, object, detail) values (%s, %s, %s, %s, %s, %s)",
        (
            principal.tenant_id,
            new_id(),
            str(principal.subject_id or principal.scope),
            action,
            target,
            orjson.dumps(detail or {}).decode(),
        ),
    )


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows are meant; None does not narrow. `before` is a row's id: ids are in order of time."""

    action: str | None = None
    actor: str | None = None
    object: str | None = None
    before: UUID | None = None


async def list_page(tx: Tx, wanted: Filter, *, limit: int) -> list[AuditRow]:
    """The newest rows first."""
    cursor = await tx.execute(
        "select tenant_id, id, at, actor, action, object, detail from audit"
        " where (%(action)s::text is null or action = %(action)s)"
        " and (%(actor)s::text is null or actor = %(actor)s)"
        " and (%(object)s::text is null or object = %(object)s)"
        " and (%(before)s::uuid is null or id < %(before)s) order by id desc limit %(limit)s",
        {
            "action": wanted.action,
            "actor": wanted.actor,
            "object": wanted.object,
            "before": wanted.before,
            "limit": limit,
        },
    )
    return [AuditRow(*row) for row in await cursor.fetchall()]


def utc(moment: datetime) -> str:
    """A time as the chain and the exports write it: UTC, to the microsecond."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
