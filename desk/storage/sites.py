"""Sites: the pages on which a tenant's widget stands, each with a key that may be read by anybody."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from desk.domain import TenantId, new_id
from desk.storage.pool import Tx

_PREFIX = "site_"
_COLUMNS = "id, tenant_id, key, name, origins, created_at, revoked_at"


@dataclass(frozen=True, slots=True)
class Site:
    """A site; `origins` are those whose pages may ask for a visitor's token."""

    id: UUID
    tenant_id: TenantId
    key: str
    name: str
    origins: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None


async def create(tx: Tx, tenant_id: TenantId, name: str, origins: Sequence[str], *, key: str = "") -> str:
    """Add a site and return its key, a new one unless it is given; a key that is there stays as it is."""
    key = key or _PREFIX + secrets.token_urlsafe(12)
    await tx.execute(
        "insert into sites (id, tenant_id, key, name, origins) values (%s, %s, %s, %s, %s)"
        " on conflict (key) do nothing",
        (new_id(), tenant_id, key, name, list(origins)),
    )
    return key


async def find(tx: Tx, key: str) -> Site | None:
    """The site with this key that was not revoked."""
    cursor = await tx.execute(f"select {_COLUMNS} from receive_site(%s)", (key,))  # noqa: S608 - columns of ours
    row = await cursor.fetchone()
    return _site(row) if row else None


async def list_all(tx: Tx, tenant_id: TenantId) -> list[Site]:
    """The tenant's sites, the newest first."""
    cursor = await tx.execute(
        f"select {_COLUMNS} from sites where tenant_id = %s order by id desc",  # noqa: S608 - columns of ours
        (tenant_id,),
    )
    return [_site(row) for row in await cursor.fetchall()]


async def revoke(tx: Tx, tenant_id: TenantId, key: str) -> bool:
    """End a site of the tenant; False when there is none."""
    cursor = await tx.execute(
        "update sites set revoked_at = now() where key = %s and tenant_id = %s and revoked_at is null",
        (key, tenant_id),
    )
    return cursor.rowcount == 1


async def origins(tx: Tx) -> frozenset[str]:
    """Every origin on which some tenant's widget stands."""
    cursor = await tx.execute("select * from site_origins()")
    return frozenset(row[0] for row in await cursor.fetchall())


async def secret_version(tx: Tx, tenant_id: TenantId) -> int:
    """Which of its widget secrets a tenant signs with."""
    cursor = await tx.execute("select widget_secret_version from tenants where id = %s", (tenant_id,))
    row = await cursor.fetchone()
    return int(row[0]) if row else 1


async def replace_secret(tx: Tx, tenant_id: TenantId) -> int:
    """Go on to the next secret; the one before stays good until the next time. Returns the new version."""
    cursor = await tx.execute(
        "update tenants set widget_secret_version = widget_secret_version + 1 where id = %s"
        " returning widget_secret_version",
        (tenant_id,),
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 1


def _site(row: Sequence[Any]) -> Site:
    site_id, tenant_id, key, name, listed, created_at, revoked_at = row
    return Site(site_id, tenant_id, key, name, tuple(listed), created_at, revoked_at)
