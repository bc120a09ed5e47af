"""API keys: long random secrets of services, of which only a hash is kept."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from uuid import UUID

from desk.domain import TenantId, new_id
from desk.storage.pool import Tx

_PREFIX = "dk_"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key that holds: which one, of which tenant."""

    id: UUID
    tenant_id: TenantId


async def create(tx: Tx, tenant_id: TenantId, name: str) -> str:
    """Make a key and return it; it cannot be read again."""
    key_id, secret = new_id(), secrets.token_urlsafe(32)
    await tx.execute(
        "insert into api_keys (id, tenant_id, name, secret_hash) values (%s, %s, %s, %s)",
        (key_id, tenant_id, name, _hash(secret)),
    )
    return f"{_PREFIX}{key_id.hex}_{secret}"


async def verify(tx: Tx, presented: str) -> ApiKey | None:
    """The key, if it exists, is not revoked and not expired."""
    key_id, secret = _split(presented)
    if key_id is None:
        return None
    cursor = await tx.execute(
        "select tenant_id, secret_hash from api_keys where id = %s and revoked_at is null"
        " and (expires_at is null or expires_at > now())",
        (key_id,),
    )
    row = await cursor.fetchone()
    if row is None or not secrets.compare_digest(row[1], _hash(secret)):
        return None
    return ApiKey(key_id, TenantId(row[0]))


def _split(presented: str) -> tuple[UUID | None, str]:
    head, _, secret = presented.removeprefix(_PREFIX).partition("_")
    try:
        return UUID(hex=head), secret
    except ValueError:
        return None, ""


def _hash(secret: str) -> bytes:
    # 256 random bits need no slow hash: there is nothing to guess.
    return hashlib.sha256(secret.encode()).digest()
