"""Checkpoint rows: what Postgres keeps of a LangGraph thread, sealed, and the statements on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from psycopg import AsyncCursor
from psycopg.rows import args_row

from desk.storage.pool import Tx
from desk.storage.threads import parse_thread_id


@dataclass(frozen=True, slots=True)
class CheckpointKey:
    """Where a checkpoint lies; `checkpoint_ns` is empty for the root graph."""

    thread_id: str
    checkpoint_ns: str
    checkpoint_id: str


@dataclass(frozen=True, slots=True)
class WriteRow:
    """One channel write of a task, to be applied to its checkpoint at the next step."""

    task_id: str
    task_path: str
    ordinal: int
    channel: str
    value_sealed: bytes


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """One checkpoint as it lies in Postgres, with the writes that wait on it."""

    key: CheckpointKey
    parent_checkpoint_id: str | None
    checkpoint_sealed: bytes
    metadata_sealed: bytes
    writes: tuple[WriteRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Head:
    """Enough of a checkpoint to decide whether it stays."""

    key: CheckpointKey
    metadata_sealed: bytes


@dataclass(frozen=True, slots=True)
class Selection:
    """Which checkpoints are meant; what is None does not narrow. `before` is a checkpoint id."""

    thread_id: str | None = None
    checkpoint_ns: str | None = None
    checkpoint_id: str | None = None
    before: str | None = None
    limit: int | None = None


async def load(tx: Tx, thread_id: str) -> AsyncCursor[CheckpointRow]:
    """The latest checkpoint of the thread's root graph: one row or none, ready for a pipeline."""
    return await select(tx, Selection(thread_id, checkpoint_ns="", limit=1))


async def select(tx: Tx, selection: Selection) -> AsyncCursor[CheckpointRow]:
    """Checkpoints, newest first, each with its writes in the order in which they apply."""
    values = _values(selection)
    cursor = tx.cursor(binary=True, row_factory=args_row(_checkpoint_row))
    return await cursor.execute(_SELECT.format(where=_where(values)), values)


async def heads(tx: Tx, selection: Selection) -> AsyncCursor[Head]:
    """Checkpoints without their state, newest first."""
    values = _values(selection)
    cursor = tx.cursor(binary=True, row_factory=args_row(_head))
    return await cursor.execute(_HEADS.format(where=_where(values)), values)


async def store(tx: Tx, row: CheckpointRow) -> None:
    """Add the checkpoint beside the older ones, or store it again."""
    await tx.execute(_STORE, _stored(row))
    await add_writes(tx, row.key, row.writes)


async def replace(tx: Tx, row: CheckpointRow) -> None:
    """Make the checkpoint the only one of its thread and namespace.

    What is older is told by what is stored, not by the ids' clocks: they differ between machines.
    """
    await tx.execute(_REPLACE, _stored(row))
    await add_writes(tx, row.key, row.writes)


async def add_writes(tx: Tx, key: CheckpointKey, writes: Sequence[WriteRow]) -> None:
    """Hang writes on a checkpoint; repeated, a special one (ordinal < 0) is replaced, others stay."""
    if not writes:
        return
    await tx.execute(
        _ADD_WRITES,
        {
            **_owned(key),
            "task_ids": [write.task_id for write in writes],
            "task_paths": [write.task_path for write in writes],
            "ordinals": [write.ordinal for write in writes],
            "channels": [write.channel for write in writes],
            "values": [write.value_sealed for write in writes],
        },
    )


async def delete_threads(tx: Tx, thread_ids: Sequence[str]) -> None:
    """Forget these threads in every namespace."""
    await tx.execute(
        "with gone as (delete from checkpoint_writes where thread_id = any(%(ids)s))"
        " delete from checkpoints where thread_id = any(%(ids)s)",
        {"ids": list(thread_ids)},
    )


async def delete_checkpoints(tx: Tx, doomed: Sequence[CheckpointKey]) -> None:
    """Delete single checkpoints with their writes; a child that stays no longer names a parent."""
    await tx.execute(
        _DELETE,
        {
            "threads": [key.thread_id for key in doomed],
            "spaces": [key.checkpoint_ns for key in doomed],
            "ids": [key.checkpoint_id for key in doomed],
        },
    )


def checkpoint_aad(key: CheckpointKey) -> bytes:
    """What binds a sealed checkpoint to its row."""
    return _aad("checkpoints.checkpoint", key)


def metadata_aad(key: CheckpointKey) -> bytes:
    """What binds sealed metadata to their row."""
    return _aad("checkpoints.metadata", key)


def write_aad(key: CheckpointKey, task_id: str, ordinal: int, channel: str) -> bytes:
    """What binds a sealed write to its row."""
    return _aad("checkpoint_writes.value", key, task_id, ordinal, channel)


def _aad(column: str, key: CheckpointKey, *more: str | int) -> bytes:
    return orjson.dumps([column, key.thread_id, key.checkpoint_ns, key.checkpoint_id, *more])


def _values(selection: Selection) -> dict[str, Any]:
    return {name: getattr(selection, name) for name in (*_CONDITIONS, "limit")}


def _where(values: dict[str, Any]) -> str:
    asked = [condition for name, condition in _CONDITIONS.items() if values[name] is not None]
    return " and ".join(asked) or "true"


def _owned(key: CheckpointKey) -> dict[str, Any]:
    thread = parse_thread_id(key.thread_id)
    return {
        "tenant_id": thread.tenant_id,
        "subject_id": thread.subject_id,
        "thread_id": key.thread_id,
        "checkpoint_ns": key.checkpoint_ns,
        "checkpoint_id": key.checkpoint_id,
    }


def _stored(row: CheckpointRow) -> dict[str, Any]:
    return {
        **_owned(row.key),
        "parent_checkpoint_id": row.parent_checkpoint_id,
        "checkpoint_sealed": row.checkpoint_sealed,
        "metadata_sealed": row.metadata_sealed,
    }


def _checkpoint_row(*columns: Any) -> CheckpointRow:
    *key, parent, checkpoint, metadata, writes = columns
    waiting = tuple(WriteRow(*write) for write in writes)
    return CheckpointRow(CheckpointKey(*key), parent, checkpoint, metadata, waiting)


def _head(*columns: Any) -> Head:
    *key, metadata = columns
    return Head(CheckpointKey(*key), metadata)


_CONDITIONS = {
    "thread_id": "thread_id = %(thread_id)s",
    "checkpoint_ns": "checkpoint_ns = %(checkpoint_ns)s",
    "checkpoint_id": "checkpoint_id = %(checkpoint_id)s",
    "before": "checkpoint_id < %(before)s",
}

_SELECT = """
select c.thread_id, c.checkpoint_ns, c.checkpoint_id, c.parent_checkpoint_id,
    c.checkpoint_sealed, c.metadata_sealed,
    array(select row(w.task_id, w.task_path, w.ordinal, w.channel, w.value_sealed)
        from checkpoint_writes w
        where w.thread_id = c.thread_id and w.checkpoint_ns = c.checkpoint_ns
            and w.checkpoint_id = c.checkpoint_id
        order by w.task_path, w.task_id, w.ordinal)
from (select * from checkpoints where {where} order by checkpoint_id desc limit %(limit)s) c
order by c.checkpoint_id desc
"""

_HEADS = """
select thread_id, checkpoint_ns, checkpoint_id, metadata_sealed
from checkpoints where {where} order by checkpoint_id desc limit %(limit)s
"""

_STORE = """
insert into checkpoints (tenant_id, subject_id, thread_id, checkpoint_ns, checkpoint_id,
    parent_checkpoint_id, checkpoint_sealed, metadata_sealed)
values (%(tenant_id)s, %(subject_id)s, %(thread_id)s, %(checkpoint_ns)s, %(checkpoint_id)s,
    %(parent_checkpoint_id)s, %(checkpoint_sealed)s, %(metadata_sealed)s)
on conflict (tenant_id, thread_id, checkpoint_ns, checkpoint_id) do update set
    parent_checkpoint_id = excluded.parent_checkpoint_id,
    checkpoint_sealed = excluded.checkpoint_sealed,
    metadata_sealed = excluded.metadata_sealed
"""

# Writes may be stored before the checkpoint they hang on, so newer ones stay; older ones may have come late.
_REPLACE = f"""
with gone as (
    delete from checkpoints where thread_id = %(thread_id)s and checkpoint_ns = %(checkpoint_ns)s
        and checkpoint_id <> %(checkpoint_id)s
    returning checkpoint_id
), gone_writes as (
    delete from checkpoint_writes where thread_id = %(thread_id)s and checkpoint_ns = %(checkpoint_ns)s
        and (checkpoint_id < %(checkpoint_id)s or checkpoint_id in (select checkpoint_id from gone))
)
{_STORE}"""  # noqa: S608

_ADD_WRITES = """
insert into checkpoint_writes (tenant_id, subject_id, thread_id, checkpoint_ns, checkpoint_id,
    task_id, task_path, ordinal, channel, value_sealed)
select %(tenant_id)s, %(subject_id)s, %(thread_id)s, %(checkpoint_ns)s, %(checkpoint_id)s, w.*
from unnest(%(task_ids)s::text[], %(task_paths)s::text[], %(ordinals)s::int[],
    %(channels)s::text[], %(values)s::bytea[]) as w
on conflict (tenant_id, thread_id, checkpoint_ns, checkpoint_id, task_id, ordinal) do update set
    task_path = excluded.task_path, channel = excluded.channel, value_sealed = excluded.value_sealed
where checkpoint_writes.ordinal < 0
"""

_DELETE = """
with doomed as (
    select * from unnest(%(threads)s::text[], %(spaces)s::text[], %(ids)s::text[]) as d (thread_id, ns, id)
), gone as (
    delete from checkpoints c using doomed d
    where c.thread_id = d.thread_id and c.checkpoint_ns = d.ns and c.checkpoint_id = d.id
), gone_writes as (
    delete from checkpoint_writes w using doomed d
    where w.thread_id = d.thread_id and w.checkpoint_ns = d.ns and w.checkpoint_id = d.id
)
update checkpoints c set parent_checkpoint_id = null
where (c.thread_id, c.checkpoint_ns, c.parent_checkpoint_id) in (select thread_id, ns, id from doomed)
    and (c.thread_id, c.checkpoint_ns, c.checkpoint_id) not in (select thread_id, ns, id from doomed)
"""
