"""Tenants: the customers of the service, kept in the control schema."""

from __future__ import annotations

import time
from dataclasses import asdict, fields
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from desk.domain import Tenant, TenantId, TenantSettings, new_id
from desk.errors import Misconfigured, Unauthenticated
from desk.storage.pool import Database, Tx

_SETTINGS = TypeAdapter(TenantSettings)
_REMEMBER_SECONDS = 10.0
_COLUMNS = "id, slug, name, placement, settings"


async def create(tx: Tx, slug: str, name: str, settings: TenantSettings | None = None) -> Tenant:
    """Add a tenant, or return the one that has this slug already."""
    tenant = Tenant(TenantId(new_id()), slug, name, settings=settings or TenantSettings())
    await tx.execute(
        "insert into tenants (id, slug, name, placement, settings) values (%s, %s, %s, %s, %s)"
        " on conflict (slug) do nothing",
        (tenant.id, slug, name, tenant.placement, orjson.dumps(asdict(tenant.settings)).decode()),
    )
    found = await by_slug(tx, slug)
    return found or tenant


async def by_slug(tx: Tx, slug: str) -> Tenant | None:
    """The active tenant with this slug."""
    cursor = await tx.execute(
        f"select {_COLUMNS} from tenants where slug = %s and status = 'active'",  # noqa: S608
        (slug,),
    )
    return _tenant(await cursor.fetchone())


async def by_id(tx: Tx, tenant_id: TenantId) -> Tenant | None:
    """The active tenant with this id."""
    cursor = await tx.execute(
        f"select {_COLUMNS} from tenants where id = %s and status = 'active'",  # noqa: S608
        (tenant_id,),
    )
    return _tenant(await cursor.fetchone())


async def list_all(tx: Tx) -> list[Tenant]:
    """Every active tenant, by slug."""
    cursor = await tx.execute(f"select {_COLUMNS} from tenants where status = 'active' order by slug")  # noqa: S608
    return [tenant for row in await cursor.fetchall() if (tenant := _tenant(row))]


class TenantDirectory:
    """Tenants by slug or id, remembered for a few seconds; tells the database where each one lives."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str | TenantId, tuple[float, Tenant]] = {}

    async def get(self, key: str | TenantId) -> Tenant:
        """The active tenant of this slug or id; raises Unauthenticated when there is none."""
        known = self._known.get(key)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        async with self._database.control_tx() as tx:
            tenant = await (by_slug(tx, key) if isinstance(key, str) else by_id(tx, key))
        if tenant is None:
            raise Unauthenticated("There is no such tenant.")
        self._database.place(tenant.id, tenant.placement)
        entry = (time.monotonic() + _REMEMBER_SECONDS, tenant)
        self._known[tenant.slug] = self._known[tenant.id] = entry
        return tenant


def read_settings(stored: dict[str, Any]) -> TenantSettings:
    """Stored JSON as settings; raises Misconfigured on a name that does not exist."""
    known = {field.name for field in fields(TenantSettings)}
    unknown = stored.keys() - known
    if unknown:
        raise Misconfigured(f"Unknown tenant setting {sorted(unknown)}; known are {sorted(known)}.")
    try:
        return _SETTINGS.validate_python(stored)
    except ValidationError as error:
        wrong = "; ".join(f"{item['loc'][0]}: {item['msg']}" for item in error.errors() if item["loc"])
        raise Misconfigured(f"Wrong tenant setting: {wrong}.") from error


def _tenant(row: tuple[Any, ...] | None) -> Tenant | None:
    if row is None:
        return None
    tenant_id, slug, name, placement, settings = row
    return Tenant(TenantId(tenant_id), slug, name, placement, read_settings(settings))
