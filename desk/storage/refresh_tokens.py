"""Refresh tokens: long random secrets that are good once; all from one login are a family."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from desk.domain import SubjectId, TenantId, new_id
from desk.storage.pool import Tx

_PREFIX = "dr_"


@dataclass(frozen=True, slots=True)
class Presented:
    """A refresh token as a client shows it: it says in whose tenant it is to be looked up."""

    tenant_id: TenantId
    id: UUID
    secret: str

    def __repr__(self) -> str:
        return f"Presented({self.id})"


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A token that is known: of whom, from when its login counts, and until when."""

    id: UUID
    family_id: UUID
    subject_id: SubjectId
    began_at: datetime
    expires_at: datetime
    was_used: bool


def read(text: str) -> Presented | None:
    """The parts of a presented token; None when it is none."""
    parts = text.removeprefix(_PREFIX).split("_", 2)
    if not text.startswith(_PREFIX) or len(parts) != 3 or len(text) > 200:
        return None
    try:
        return Presented(TenantId(UUID(hex=parts[0])), UUID(hex=parts[1]), parts[2])
    except ValueError:
        return None


async def begin(
    tx: Tx, tenant_id: TenantId, subject_id: SubjectId, valid_after: datetime | None, *, days: int
) -> str | None:
    """The first token of a new family, which ends after `days` however often it is used.

    None when the person was signed out everywhere since they proved who they are, which was at `valid_after`.
    """
    return await _add(
        tx,
        "select tenant_id, %(id)s, %(id)s, id, %(hash)s, greatest(now(), valid_after),"
        " now() + make_interval(days => %(days)s) from subjects"
        " where id = %(subject)s and valid_after is not distinct from %(valid_after)s for share",
        {"tenant": tenant_id, "subject": subject_id, "valid_after": valid_after, "days": days},
    )


async def find(tx: Tx, presented: Presented) -> RefreshToken | None:
    """The token, whose row it locks; None when there is none, or its time is over."""
    cursor = await tx.execute(
        "select id, family_id, subject_id, began_at, expires_at, used_at is not null, secret_hash"
        " from refresh_tokens where id = %s and expires_at > now() for update",
        (presented.id,),
    )
    row = await cursor.fetchone()
    if row is None or not secrets.compare_digest(row[6], _hash(presented.secret)):
        return None
    return RefreshToken(*row[:6])


async def rotate(tx: Tx, tenant_id: TenantId, token: RefreshToken) -> str | None:
    """Use the token up; the next one of its family."""
    await tx.execute("update refresh_tokens set used_at = now() where id = %s", (token.id,))
    return await _add(
        tx,
        "select tenant_id, %(id)s, family_id, subject_id, %(hash)s, began_at, expires_at"
        " from refresh_tokens where id = %(last)s",
        {"tenant": tenant_id, "last": token.id},
    )


async def end_family(tx: Tx, family_id: UUID) -> None:
    """End every token of one login."""
    await tx.execute("delete from refresh_tokens where family_id = %s", (family_id,))


async def end_all(tx: Tx, subject_id: SubjectId) -> None:
    """End every token of a person."""
    await tx.execute("delete from refresh_tokens where subject_id = %s", (subject_id,))


async def delete_expired(tx: Tx) -> int:
    """Delete those whose time is over; returns how many went."""
    cursor = await tx.execute("delete from refresh_tokens where expires_at <= now()")
    return cursor.rowcount


async def _add(tx: Tx, row: str, values: dict[str, object]) -> str | None:
    """A new token; None when `row` gives none."""
    token_id, secret = new_id(), secrets.token_urlsafe(32)
    cursor = await tx.execute(
        "insert into refresh_tokens"
        f" (tenant_id, id, family_id, subject_id, secret_hash, began_at, expires_at) {row}",
        {**values, "id": token_id, "hash": _hash(secret)},
    )
    tenant_id = values["tenant"]
    assert isinstance(tenant_id, UUID)
    if cursor.rowcount == 0:
        return None
    return f"{_PREFIX}{tenant_id.hex}_{token_id.hex}_{secret}"


def _hash(secret: str) -> bytes:
    # 256 random bits need no slow hash: there is nothing to guess.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
