"""Erasures: people who are to be forgotten; the row is the fence against their turns, and stays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from desk.domain import Principal, SubjectId, TenantId, new_id
from desk.errors import NotFound
from desk.storage import audit, jobs
from desk.storage.pool import Tx

# By then every process has forgotten the key and let go of the turns; then is looked a second time.
SETTLE_SECONDS = 10
# What failed is tried again after so long.
RETRY_SECONDS = 5
# Older turns have nothing outside of Postgres any more.
_TRACE_MINUTES = 15

_COLUMNS = "id, tenant_id, subject_id, state, trace_ids, requested_at, finished_at"


@dataclass(frozen=True, slots=True)
class Erasure:
    """One request; `trace_ids` are turns, handoffs and recipients that may have left traces elsewhere."""

    id: UUID
    tenant_id: TenantId
    subject_id: SubjectId
    state: Literal["accepted", "done"]
    trace_ids: tuple[UUID, ...]
    requested_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class DueErasure:
    """One to be worked on now, in the schema where its tenant's rows live; `settled` ones can be finished."""

    erasure: Erasure
    placement: str
    settled: bool


async def accept(tx: Tx, by: Principal, subject_id: SubjectId, address: str | None = None) -> Erasure:
    """Destroy the person's key, fence their turns, and queue the deletion of the rest.

    A second request gives the first one. Raises NotFound for an unknown person. Needs a transaction that sees
    the whole tenant; `by` is who is noted in the audit, `address` where the person was mailed.
    """
    cursor = await tx.execute("select erased_at from subjects where id = %s for update", (subject_id,))
    row = await cursor.fetchone()
    if row is None:
        raise NotFound
    if row[0] is None:
        await tx.execute(_BURY, (subject_id,))
        erasure_id = new_id()
        await tx.execute(
            _ACCEPT,
            {
                "id": erasure_id,
                "tenant": by.tenant_id,
                "subject": subject_id,
                "minutes": _TRACE_MINUTES,
                "address": address,
            },
        )
        await tx.execute("delete from turn_queue where subject_id = %s", (subject_id,))
        await audit.record(tx, by, "subject.erase", str(subject_id), {"erasure": str(erasure_id)})
        await jobs.defer(tx, "erasures")
    found = await _first(tx, "subject_id = %s", subject_id)
    if found is None:
        raise NotFound
    return found


async def get(tx: Tx, erasure_id: UUID) -> Erasure | None:
    """The request, if it is of the transaction's tenant."""
    return await _first(tx, "id = %s", erasure_id)


async def list_due(tx: Tx, *, limit: int) -> list[DueErasure]:
    """What is to be worked on, of every tenant, suspended ones too; needs a transaction without a tenant."""
    cursor = await tx.execute(
        f"select {', '.join(f'e.{name}' for name in _COLUMNS.split(', '))}, t.placement,"  # noqa: S608
        " e.requested_at <= now() - make_interval(secs => %s)"
        " from erasures e join tenants t on t.id = e.tenant_id"
        " where e.state = 'accepted' and e.due_at <= now() order by e.due_at limit %s",
        (SETTLE_SECONDS, limit),
    )
    return [DueErasure(_erasure(*row[:-2]), *row[-2:]) for row in await cursor.fetchall()]


async def list_recent(tx: Tx, *, seconds: float) -> list[Erasure]:
    """What was asked for in the last seconds, of every tenant."""
    cursor = await tx.execute(
        f"select {_COLUMNS} from erasures where requested_at > now() - make_interval(secs => %s)",  # noqa: S608
        (seconds,),
    )
    return [_erasure(*row) for row in await cursor.fetchall()]


async def delete_rows(tx: Tx, subject_id: SubjectId, *, limit: int) -> int:
    """Delete about `limit` rows of all that is the person's; how many went, fewer when nothing is left."""
    cursor = await tx.execute("select erase_rows(%s, %s)", (subject_id, limit))
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def look_again(tx: Tx, erasure: Erasure) -> None:
    """It is to be looked at once more, when every process has heard of it."""
    await tx.execute(
        "update erasures set due_at = requested_at + make_interval(secs => %s) where id = %s",
        (SETTLE_SECONDS, erasure.id),
    )


async def postpone(tx: Tx, erasure: Erasure) -> None:
    """It failed just now: it is to be looked at again in a moment."""
    await tx.execute(
        "update erasures set due_at = now() + make_interval(secs => %s) where id = %s",
        (RETRY_SECONDS, erasure.id),
    )


async def finish(tx: Tx, erasure: Erasure) -> None:
    """Nothing is left; what remains is that somebody was erased, unless all went with its tenant."""
    cursor = await tx.execute(
        "update erasures set state = 'done', trace_ids = '{}', finished_at = now() where id = %s",
        (erasure.id,),
    )
    if cursor.rowcount == 0:
        return
    worker = Principal(erasure.tenant_id, "worker")
    detail = {"erasure": str(erasure.id)}
    await audit.record(tx, worker, "subject.erased", str(erasure.subject_id), detail)


async def _first(tx: Tx, condition: str, value: UUID) -> Erasure | None:
    query = f"select {_COLUMNS} from erasures where {condition}"  # noqa: S608 - words of ours
    row = await (await tx.execute(query.encode(), (value,))).fetchone()
    return _erasure(*row) if row else None


def _erasure(
    erasure_id: UUID,
    tenant_id: UUID,
    subject_id: UUID,
    state: Literal["accepted", "done"],
    trace_ids: list[UUID],
    requested_at: datetime,
    finished_at: datetime | None,
) -> Erasure:
    return Erasure(
        erasure_id,
        TenantId(tenant_id),
        SubjectId(subject_id),
        state,
        tuple(trace_ids),
        requested_at,
        finished_at,
    )


# Without the hash of the identity nobody can tell who this was, and whoever comes again is somebody new.
_BURY = (
    "update subjects set erased_at = now(), wrapped_key = null, profile_sealed = null, identity_hash = ''"
    " where id = %s"
)

_ACCEPT = """
insert into erasures (id, tenant_id, subject_id, trace_ids) values (%(id)s, %(tenant)s, %(subject)s, array(
    select t.id from turns t join conversations c on c.id = t.conversation_id where c.subject_id = %(subject)s
        and (t.state = 'accepted' or t.finished_at > now() - make_interval(mins => %(minutes)s))
    union all
    select h.id from handoffs h join conversations c on c.id = h.conversation_id
        where c.subject_id = %(subject)s
    union all
    select recipient_id(%(tenant)s, %(address)s) where %(address)s::text is not null
))
"""
