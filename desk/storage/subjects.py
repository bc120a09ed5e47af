"""Subjects: the people and anonymous visitors whose data this is, each with a wrapped data key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from desk.domain import SubjectId, TenantId, new_id
from desk.storage.pool import Tx


@dataclass(frozen=True, slots=True)
class Subject:
    """One person's row; `wrapped_key` is None once the person was erased.

    What was signed for the person before `valid_after` counts no longer.
    """

    id: SubjectId
    wrapped_key: bytes | None
    valid_after: datetime | None = None


async def find(tx: Tx, identity_hash: bytes) -> Subject | None:
    """The living subject with this identity (a keyed hash of issuer and `sub`)."""
    cursor = await tx.execute(
        "select id, wrapped_key, valid_after from subjects where identity_hash = %s and erased_at is null",
        (identity_hash,),
    )
    row = await cursor.fetchone()
    return Subject(SubjectId(row[0]), row[1], row[2]) if row else None


async def add(
    tx: Tx, tenant_id: TenantId, subject_id: SubjectId, identity_hash: bytes, wrapped_key: bytes, *, kind: str
) -> Subject:
    """Add a subject; when another process was quicker, theirs is returned."""
    await tx.execute(
        "insert into subjects (tenant_id, id, kind, identity_hash, wrapped_key) values (%s, %s, %s, %s, %s)"
        " on conflict (tenant_id, identity_hash) where erased_at is null do nothing",
        (tenant_id, subject_id, kind, identity_hash, wrapped_key),
    )
    found = await find(tx, identity_hash)
    return found or Subject(subject_id, wrapped_key)


async def exist(tx: Tx, subject_id: SubjectId) -> bool:
    """Whether there is a subject of this id, erased ones too, whom the caller may see."""
    cursor = await tx.execute("select from subjects where id = %s", (subject_id,))
    return await cursor.fetchone() is not None


async def wrapped_key(tx: Tx, subject_id: SubjectId) -> bytes | None:
    """The subject's wrapped data key; None when unknown or erased."""
    cursor = await tx.execute(
        "select wrapped_key from subjects where id = %s and erased_at is null", (subject_id,)
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def sign_out(tx: Tx, subject_id: SubjectId) -> None:
    """End what was signed for the subject until now.

    Tokens count whole seconds, so the end is that of this second, or a second after the last one: who signed
    in again since got a token that counts from there.
    """
    await tx.execute(
        "update subjects set valid_after = greatest(date_trunc('second', clock_timestamp()), valid_after)"
        " + interval '1 second' where id = %s",
        (subject_id,),
    )


def new_subject_id() -> SubjectId:
    """A fresh id."""
    return SubjectId(new_id())
