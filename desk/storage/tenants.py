"""Tenants: the customers of the service, kept in the control schema."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from desk.domain import (
    Branding,
    HttpTool,
    McpServer,
    McpTool,
    Retention,
    Tenant,
    TenantId,
    TenantSettings,
    TenantStatus,
    new_id,
)
from desk.errors import Misconfigured, Suspended, Unauthenticated
from desk.mail.port import is_address
from desk.storage.pool import Database, Tx

_SETTINGS = TypeAdapter(TenantSettings)
REMEMBER_SECONDS = 10.0
MOST_MAILED = 20
PLATFORM = "platform"
LEAST_AUDIT_DAYS = 30  # as prune_audit() in the database demands
MOST_DAYS = 36_500
_COLUMNS = "id, slug, name, placement, settings, status"
_STORED = "select id, slug, name, placement, settings, status, created_at from tenants"


@dataclass(frozen=True, slots=True)
class ListedTenant:
    """A tenant as lists have it."""

    id: TenantId
    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class StoredTenant:
    """A tenant as an operator sees it; `settings` are those that were set."""

    id: TenantId
    slug: str
    name: str
    placement: str
    settings: dict[str, Any]
    status: TenantStatus
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TenantAge:
    """Since when a tenant can have rows, and since when turns; None when it never had one."""

    id: TenantId
    settings: dict[str, Any]
    created_at: datetime
    first_turn_at: datetime | None


async def create(tx: Tx, slug: str, name: str, settings: TenantSettings | None = None) -> Tenant:
    """Add a tenant, or return the one that has this slug already."""
    tenant = Tenant(TenantId(new_id()), slug, name, settings=settings or TenantSettings())
    await add(tx, tenant, asdict(tenant.settings))
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


async def find(tx: Tx, key: str | TenantId) -> Tenant | None:
    """The tenant of this slug or id, suspended or not."""
    column = "slug" if isinstance(key, str) else "id"
    cursor = await tx.execute(f"select {_COLUMNS} from tenants where {column} = %s", (key,))  # noqa: S608
    return _tenant(await cursor.fetchone())


async def read_stored(tx: Tx, slug: str, *, hold: bool = False) -> StoredTenant | None:
    """The tenant as it is stored, whether its settings are right or not; `hold` it to the commit."""
    cursor = await tx.execute(
        f"{_STORED} where slug = %s{' for update' if hold else ''}",
        (slug,),
    )
    row = await cursor.fetchone()
    return StoredTenant(*row) if row else None


async def list_page(tx: Tx, after: str, limit: int) -> list[StoredTenant]:
    """Tenants of any status by slug, from behind `after`."""
    cursor = await tx.execute(
        f"{_STORED} where slug > %s order by slug limit %s",
        (after, limit),
    )
    return [StoredTenant(*row) for row in await cursor.fetchall()]


async def add(tx: Tx, tenant: Tenant, settings: dict[str, Any]) -> bool:
    """Store a new tenant with these settings; False when there is one of this slug."""
    cursor = await tx.execute(
        "insert into tenants (id, slug, name, placement, settings) values (%s, %s, %s, %s, %s)"
        " on conflict (slug) do nothing",
        (tenant.id, tenant.slug, tenant.name, tenant.placement, _written(settings)),
    )
    return cursor.rowcount == 1


async def change(tx: Tx, tenant_id: TenantId, name: str, settings: dict[str, Any]) -> None:
    """Store a tenant's name and settings anew."""
    await tx.execute(
        "update tenants set name = %s, settings = %s where id = %s", (name, _written(settings), tenant_id)
    )


async def set_status(tx: Tx, tenant_id: TenantId, status: TenantStatus) -> None:
    """Suspend a tenant, whose running turns are then asked to stop, or let it go on."""
    await tx.execute(
        "update tenants set status = %(status)s, suspended_at = case when %(status)s = 'suspended' then"
        " coalesce(suspended_at, now()) end where id = %(id)s",
        {"status": status, "id": tenant_id},
    )
    if status == "suspended":
        await tx.execute("update turn_queue set cancelled = true where tenant_id = %s", (tenant_id,))


async def list_all(tx: Tx) -> list[ListedTenant]:
    """Every active tenant, by slug; without settings, as one tenant's wrong ones must not stop the others."""
    cursor = await tx.execute("select id, slug, name from tenants where status = 'active' order by slug")
    return [ListedTenant(*row) for row in await cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Home:
    """Where a tenant's rows live; suspended tenants have one too."""

    id: TenantId
    slug: str
    placement: str


async def list_homes(tx: Tx) -> list[Home]:
    """Every tenant there is, by slug, active or not."""
    cursor = await tx.execute("select id, slug, placement from tenants order by slug")
    return [Home(*row) for row in await cursor.fetchall()]


async def exist(tx: Tx) -> bool:
    """Whether there is any tenant but the one that a migration makes."""
    cursor = await tx.execute("select exists (select from tenants where slug <> %s)", (PLATFORM,))
    row = await cursor.fetchone()
    return bool(row and row[0])


async def seconds_suspended(tx: Tx, tenant_id: TenantId) -> float:
    """For how long the tenant has been suspended; 0 when it is not."""
    cursor = await tx.execute(
        "select coalesce(extract(epoch from now() - suspended_at), 0)::float8 from tenants where id = %s",
        (tenant_id,),
    )
    row = await cursor.fetchone()
    return float(row[0]) if row else 0.0


async def list_active_since(tx: Tx, hours: int) -> list[TenantId]:
    """Active tenants that had a turn in the last `hours`."""
    cursor = await tx.execute(
        "select t.id from tenants t where t.status = 'active' and exists (select from active_hours a"
        " where a.tenant_id = t.id and a.hour > now() - make_interval(hours => %s)) order by t.slug",
        (hours,),
    )
    return [TenantId(row[0]) for row in await cursor.fetchall()]


async def forget_activity(tx: Tx, *, days: int) -> None:
    """Forget in which hours tenants were active, after `days`, but for the first one of each."""
    await tx.execute(
        "delete from active_hours a where hour < now() - make_interval(days => %s)"
        " and exists (select from active_hours b where b.tenant_id = a.tenant_id and b.hour < a.hour)",
        (days,),
    )


async def list_ages(tx: Tx) -> list[TenantAge]:
    """Every active tenant, by slug; its settings unread, as one tenant's wrong ones must not stop others."""
    cursor = await tx.execute(
        "select t.id, t.settings, t.created_at,"
        " (select min(a.hour) from active_hours a where a.tenant_id = t.id)"
        " from tenants t where t.status = 'active' order by t.slug"
    )
    return [TenantAge(*row) for row in await cursor.fetchall()]


class TenantDirectory:
    """Tenants by slug or id, remembered for a few seconds; tells the database where each one lives."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str | TenantId, tuple[float, Tenant]] = {}

    async def get(self, key: str | TenantId) -> Tenant:
        """The tenant of this slug or id; raises Unauthenticated when there is none, Suspended when it is."""
        known = self._known.get(key)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        return await self.read(key)

    async def read(self, key: str | TenantId) -> Tenant:
        """The same as it is stored now, whatever is remembered."""
        async with self._database.control_tx() as tx:
            tenant = await find(tx, key)
        if tenant is None:
            raise Unauthenticated
        if tenant.status == "suspended":
            raise Suspended
        self._database.place(tenant.id, tenant.placement)
        entry = (time.monotonic() + REMEMBER_SECONDS, tenant)
        self._known[tenant.slug] = self._known[tenant.id] = entry
        return tenant


def _written(settings: dict[str, Any]) -> str:
    return orjson.dumps(settings).decode()


def read_settings(stored: dict[str, Any]) -> TenantSettings:
    """Stored JSON as settings; raises Misconfigured on an unknown name or a wrong value."""
    known = {field.name for field in fields(TenantSettings)}
    unknown = stored.keys() - known
    if unknown:
        raise Misconfigured(f"Unknown tenant setting {sorted(unknown)}; known are {sorted(known)}.")
    try:
        settings = _SETTINGS.validate_python(stored)
    except ValidationError as error:
        wrong = "; ".join(f"{item['loc'][0]}: {item['msg']}" for item in error.errors() if item["loc"])
        raise Misconfigured(f"Wrong tenant setting: {wrong}.") from error
    _refuse_unknown(stored.get("retention"), "retention", "class of data", Retention)
    _refuse_unknown(stored.get("branding"), "branding", "branding", Branding)
    for tool in stored.get("http_tools") or ():
        _refuse_unknown(tool, "http_tools", "part of a tool", HttpTool)
    for server in stored.get("mcp_servers") or ():
        _refuse_unknown(server, "mcp_servers", "part of a server", McpServer)
        for tool in server.get("tools") or ():
            _refuse_unknown(tool, "mcp_servers", "part of a tool", McpTool)
    _refuse_wrong_retention(settings)
    mailed = settings.handoff_mail_to
    if len(mailed) > MOST_MAILED or not all(map(is_address, mailed)):
        raise Misconfigured(
            f"Wrong tenant setting: handoff_mail_to must be at most {MOST_MAILED} mail addresses,"
            " each by itself and without a name."
        )
    return settings


def _refuse_unknown(part: Mapping[str, Any] | None, name: str, what: str, known: type[Any]) -> None:
    unknown = (part or {}).keys() - {field.name for field in fields(known)}
    if unknown:
        raise Misconfigured(f"Unknown {what} {sorted(unknown)} in the tenant setting {name}.")


def _refuse_wrong_retention(settings: TenantSettings) -> None:
    for name, days in {"days": settings.retention_days, **asdict(settings.retention)}.items():
        least = LEAST_AUDIT_DAYS if name == "audit" else 1
        if days is not None and not least <= days <= MOST_DAYS:
            told = "retention_days" if name == "days" else f"retention.{name}"
            raise Misconfigured(
                f"Wrong tenant setting: {told} is {days}; it must be {least} to {MOST_DAYS} days, or null."
            )


def _tenant(row: tuple[Any, ...] | None) -> Tenant | None:
    if row is None:
        return None
    tenant_id, slug, name, placement, settings, status = row
    return Tenant(TenantId(tenant_id), slug, name, placement, read_settings(settings), status)
