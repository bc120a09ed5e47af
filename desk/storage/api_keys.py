"""API keys: long random secrets of services, of which only a hash is kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from desk.domain import TenantId, new_id
from desk.storage.pool import Tx

_PREFIX = "dk_"
_COLUMNS = "id, tenant_id, name, rights, created_at, expires_at, revoked_at, last_used_at"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is listed: without its secret, which nobody can read again."""

    id: UUID
    tenant_id: TenantId
    name: str
    rights: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


async def create(
    tx: Tx,
    tenant_id: TenantId,
    name: str,
    rights: Sequence[str] = ("relay", "faqs.read"),
    *,
    days: int | None = None,
) -> str:
    """Make a key that holds for `days`, or until it is revoked, and return it; it cannot be read again."""
    key_id, secret = new_id(), secrets.token_urlsafe(32)
    await tx.execute(
        "insert into api_keys (id, tenant_id, name, secret_hash, rights, expires_at)"
        " values (%s, %s, %s, %s, %s, now() + make_interval(days => %s))",
        (key_id, tenant_id, name, _hash(secret), list(rights), days),
    )
    return f"{_PREFIX}{key_id.hex}_{secret}"


async def verify(tx: Tx, presented: str) -> ApiKey | None:
    """The key, if it exists, is not revoked and not expired; notes its use at most once a minute."""
    key_id, secret = _split(presented)
    if key_id is None:
        return None
    cursor = await tx.execute(
        f"select {_COLUMNS} from receive_api_key(%s, %s)",  # noqa: S608 - columns of ours
        (key_id, _hash(secret)),
    )
    row = await cursor.fetchone()
    return _key(row) if row else None


async def list_all(tx: Tx, tenant_id: TenantId) -> list[ApiKey]:
    """The tenant's keys, the newest first; those that hold no longer are left out after a month."""
    cursor = await tx.execute(
        f"select {_COLUMNS} from api_keys where tenant_id = %s"  # noqa: S608 - columns of ours
        " and coalesce(least(revoked_at, expires_at) > now() - interval '30 days', true)"
        " order by id desc limit 500",
        (tenant_id,),
    )
    return [_key(row) for row in await cursor.fetchall()]


async def get(tx: Tx, tenant_id: TenantId, key_id: UUID) -> ApiKey | None:
    """One of the tenant's keys that hold, whose row it locks."""
    cursor = await tx.execute(
        f"select {_COLUMNS} from api_keys where id = %s and tenant_id = %s and revoked_at is null"  # noqa: S608
        " and (expires_at is null or expires_at > now()) for update",
        (key_id, tenant_id),
    )
    row = await cursor.fetchone()
    return _key(row) if row else None


async def rotate(tx: Tx, key: ApiKey, *, overlap_seconds: int) -> str:
    """A key with the same name, rights and end in place of this one, which holds for the overlap yet."""
    fresh = await create(tx, key.tenant_id, key.name, key.rights)
    await tx.execute("update api_keys set expires_at = %s where id = %s", (key.expires_at, id_of(fresh)))
    await tx.execute(
        "update api_keys set expires_at = least(expires_at, now() + make_interval(secs => %s)) where id = %s",
        (overlap_seconds, key.id),
    )
    return fresh


async def revoke(tx: Tx, tenant_id: TenantId, key_id: UUID) -> bool:
    """End a key of the tenant; False when there is none that holds."""
    cursor = await tx.execute(
        "update api_keys set revoked_at = now() where id = %s and tenant_id = %s and revoked_at is null",
        (key_id, tenant_id),
    )
    return cursor.rowcount == 1


def id_of(key: str) -> UUID:
    """The id in a key of ours."""
    return UUID(hex=key.removeprefix(_PREFIX).partition("_")[0])


def _key(row: Sequence[Any]) -> ApiKey:
    key_id, tenant_id, name, rights, *times = row[:8]
    return ApiKey(key_id, tenant_id, name, tuple(rights), *times)


def _split(presented: str) -> tuple[UUID | None, str]:
    head, _, secret = presented.removeprefix(_PREFIX).partition("_")
    try:
        return UUID(hex=head), secret
    except ValueError:
        return None, ""


def _hash(secret: str) -> bytes:
    # 256 random bits need no slow hash: there is nothing to guess.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
