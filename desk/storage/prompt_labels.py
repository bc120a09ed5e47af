"""Prompt labels: which version of a prompt stands where. Rows are only added, so they are the history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args

from desk.domain import TenantId
from desk.storage.pool import Tx

Label = Literal["production", "candidate", "canary"]
LABELS: Final[tuple[Label, ...]] = get_args(Label)


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a label was put, by whom and why; `version` None took it away.

    `share` is the part of conversations, 0 to 1, that a candidate or canary gets in place of production.
    """

    name: str
    channel: str
    label: Label
    version: int | None
    share: float
    author: str
    note: str
    rollback: bool = False


@dataclass(frozen=True, slots=True)
class LabelRow:
    """The same, as it is stored."""

    id: int
    name: str
    channel: str
    label: Label
    version: int | None
    share: float
    author: str
    note: str
    rollback: bool
    at: datetime


async def put(tx: Tx, tenant_id: TenantId, placed: Placed) -> None:
    """Put a label somewhere; every process sees it within a second."""
    await hold(tx, tenant_id, placed.name)
    await tx.execute(
        "insert into prompt_labels (tenant_id, name, channel, label, version, share, author, note,"
        " rollback) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            tenant_id,
            placed.name,
            placed.channel,
            placed.label,
            placed.version,
            placed.share,
            placed.author,
            placed.note,
            placed.rollback,
        ),
    )


async def hold(tx: Tx, tenant_id: TenantId, name: str) -> None:
    """Whoever moves a label of the same prompt waits for this transaction, so rows are in order of commit."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"label {tenant_id} {name}",))


async def list_current(tx: Tx, tenant_id: TenantId) -> list[LabelRow]:
    """Where every label stands now; those that were taken away are left out."""
    cursor = await tx.execute(
        f"select * from (select distinct on (name, channel, label) {_COLUMNS} from prompt_labels"  # noqa: S608
        " where tenant_id = %s order by name, channel, label, id desc) newest where version is not null",
        (tenant_id,),
    )
    return [_row(row) for row in await cursor.fetchall()]


async def list_history(
    tx: Tx, tenant_id: TenantId, name: str, *, label: Label | None = None, channel: str | None = None
) -> list[LabelRow]:
    """Where a prompt's labels, or one of them, stood: the newest first, at most 500."""
    cursor = await tx.execute(
        f"select {_COLUMNS} from prompt_labels where tenant_id = %(tenant)s and name = %(name)s"  # noqa: S608
        " and (%(label)s::text is null or label = %(label)s)"
        " and (%(channel)s::text is null or channel = %(channel)s) order by id desc limit 500",
        {"tenant": tenant_id, "name": name, "label": label, "channel": channel},
    )
    return [_row(row) for row in await cursor.fetchall()]


def _row(row: Sequence[Any]) -> LabelRow:
    return LabelRow(*row)


_COLUMNS = "id, name, channel, label, version, share, author, note, rollback, at"
