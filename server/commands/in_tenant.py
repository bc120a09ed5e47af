"""How a command works inside one tenant: as a worker, in one transaction, with its audit row in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

import typer

from desk.domain import Principal, Tenant
from desk.embedded import Engines
from desk.errors import InvalidInput
from desk.settings import Settings
from desk.storage import tenants
from desk.storage.pool import Database
from desk.subjects.keys import KeyRing
from desk.subjects.master_keys import open_master_key

TenantOption = Annotated[str, typer.Option("--tenant", help="The tenant's slug.")]


@dataclass(frozen=True, slots=True)
class Place:
    """A tenant, its database, and who acts there: an operator, which the audit calls a worker."""

    tenant: Tenant
    database: Database
    keys: KeyRing
    worker: Principal


@asynccontextmanager
async def in_tenant(settings: Settings, found: Engines, slug: str) -> AsyncIterator[Place]:
    """The tenant of this slug; raises InvalidInput when there is none."""
    database = Database(found.database_url, size=2)
    await database.open()
    try:
        async with database.control_tx() as tx:
            tenant = await tenants.by_slug(tx, slug)
        if tenant is None:
            raise InvalidInput(f"There is no tenant {slug!r}; `desk tenant list` shows them.")
        database.place(tenant.id, tenant.placement)
        keys = KeyRing(database, await open_master_key(settings, database))
        yield Place(tenant, database, keys, Principal(tenant.id, "worker"))
    finally:
        await database.close()
