"""Where jobs work: their own few connections, so that no turn ever waits for a job."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from desk.domain import Principal, Tenant
from desk.models.embeddings import Embedder
from desk.privacy.sealing import MasterKey
from desk.settings import Settings
from desk.storage.pool import Database, Tx
from desk.storage.tenants import TenantDirectory
from desk.subjects.keys import KeyRing, load_master_key


@dataclass(frozen=True, slots=True)
class Workplace:
    """What jobs share; a tenant's rows are reached by `tx` alone, under the tenant's row-level security."""

    settings: Settings
    database: Database
    tenants: TenantDirectory
    keys: KeyRing
    master: MasterKey
    embedder: Embedder

    def tx(self, tenant: Tenant) -> AbstractAsyncContextManager[Tx]:
        """A transaction that sees the rows of this tenant, of every person in it, and no others."""
        return self.database.tenant_tx(Principal(tenant.id, "worker"))


@asynccontextmanager
async def open_workplace(settings: Settings, url: str, embedder: Embedder) -> AsyncIterator[Workplace]:
    """The workplace, open for the life of the context."""
    database = Database(url, size=settings.jobs_at_once + 1)
    await database.open()
    try:
        master = load_master_key(settings)
        keys = KeyRing(database, master)
        yield Workplace(settings, database, TenantDirectory(database), keys, master, embedder)
    finally:
        await database.close()
