"""Jobs: background work kept in Postgres, deferred in the very transaction that makes it necessary."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal
from uuid import UUID

from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException

from desk.storage.pool import Tx

JobName = Literal[
    "aggregates",
    "audit_seals",
    "erasures",
    "faq_gaps",
    "mail",
    "prune",
    "reembed",
    "retention",
    "subjects_without_rows",
    "summaries",
    "turn_inputs",
    "unconfirmed",
    "webhooks",
]
JobState = Literal["waiting", "running", "dead"]
Ids = Mapping[str, UUID]

QUEUE = "desk"

# What somebody waits for goes before what the hours bring.
_AWAITED = 1

_STATES: dict[JobState, str] = {"waiting": "todo", "running": "doing", "dead": "failed"}


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """A job as it lies in the queue."""

    id: int
    name: str
    state: JobState
    attempts: int
    ids: dict[str, str]
    due_at: datetime | None


async def defer(tx: Tx, name: JobName, *, queue: str = QUEUE, **ids: UUID) -> int:
    """Queue a job as part of the caller's transaction: committed it runs, rolled back it never was.

    Jobs of one name and the same ids never run at the same time. Arguments are ids and nothing else, as
    the queue is readable across tenants. Returns the job's id.
    """
    with _own_errors():
        deferrer = _unopened().configure_task(
            name, queue=queue, lock=key_of(name, ids), priority=_AWAITED, connection=tx
        )
        return await deferrer.defer_async(**written(ids))


async def list_jobs(tx: Tx, state: JobState | None, *, limit: int = 100) -> list[QueuedJob]:
    """The oldest jobs first, of one state or of all; those that are done are not kept."""
    wanted = [_STATES[state]] if state else list(_STATES.values())
    names = {stored: told for told, stored in _STATES.items()}
    cursor = await tx.execute(
        "select id, task_name, status::text, attempts, args, scheduled_at from procrastinate_jobs"
        " where status::text = any(%s) order by id limit %s",
        (wanted, limit),
    )
    rows = await cursor.fetchall()
    return [QueuedJob(row[0], row[1], names[row[2]], row[3], row[4], row[5]) for row in rows]


async def retry(tx: Tx, job_id: int) -> bool:
    """Give a dead job one more try; False when there is no dead job of this id."""
    cursor = await tx.execute(
        "select procrastinate_retry_job_v2(id, now(), null, null, null) from procrastinate_jobs"
        " where id = %s and status = 'failed'",
        (job_id,),
    )
    return cursor.rowcount == 1


async def forget_dead(tx: Tx, *, days: int) -> int:
    """Delete jobs that died more than `days` ago; returns how many went."""
    cursor = await tx.execute(
        "delete from procrastinate_jobs j where status in ('failed', 'aborted', 'cancelled')"
        " and not exists (select from procrastinate_events e"
        " where e.job_id = j.id and e.at > now() - make_interval(days => %s))",
        (days,),
    )
    return cursor.rowcount


def key_of(name: JobName, ids: Ids) -> str:
    """What is the same for the same work."""
    return ":".join((name, *(str(ids[key]) for key in sorted(ids))))


def written(ids: Ids) -> dict[str, str]:
    """The ids as a job's arguments; raises TypeError on anything else than an id."""
    for name, value in ids.items():
        if not isinstance(value, UUID):
            raise TypeError(f"A job is told ids and nothing else; {name} is a {type(value).__name__}.")
    return {name: str(value) for name, value in ids.items()}


@lru_cache(maxsize=1)
def _unopened() -> App:
    """Enough of Procrastinate to defer on somebody else's connection."""
    return App(connector=PsycopgConnector())


@contextlib.contextmanager
def _own_errors() -> Iterator[None]:
    """Raise the database's own error, which the transaction around knows how to tell."""
    try:
        yield
    except ConnectorException as error:
        raise (error.__cause__ or error) from None
