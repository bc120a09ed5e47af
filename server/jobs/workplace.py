"""Where jobs work: their own few connections, so that no turn ever waits for a job."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from structlog import get_logger

from desk.cache.memory import MemoryFeed
from desk.cache.port import Feed
from desk.cache.redis import RedisFeed
from desk.domain import Principal, Tenant
from desk.mail.mailers import NoMailer, open_mailer
from desk.mail.port import Mailer
from desk.models.embeddings import Embedder
from desk.privacy.sealing import MasterKey
from desk.settings import Settings
from desk.storage.pool import Database, Tx
from desk.storage.tenants import TenantDirectory
from desk.subjects.keys import KeyRing
from desk.subjects.master_keys import open_master_key
from desk.telemetry.metrics import DEGRADED

log = get_logger("desk.jobs")


@dataclass(frozen=True, slots=True)
class Workplace:
    """What jobs share; a tenant's rows are reached by `tx` alone, under the tenant's row-level security."""

    settings: Settings
    database: Database
    tenants: TenantDirectory
    keys: KeyRing
    master: MasterKey
    embedder: Embedder
    mailer: Mailer
    feed: Feed = field(default_factory=MemoryFeed)

    def tx(self, tenant: Tenant) -> AbstractAsyncContextManager[Tx]:
        """A transaction that sees the rows of this tenant, of every person in it, and no others."""
        return self.database.tenant_tx(Principal(tenant.id, "worker"))


@asynccontextmanager
async def open_workplace(settings: Settings, url: str, embedder: Embedder) -> AsyncIterator[Workplace]:
    """The workplace, open for the life of the context."""
    database = Database(url, size=settings.jobs_at_once + 1)
    await database.open()
    feed = RedisFeed(settings.redis_url.get_secret_value()) if settings.redis_url else MemoryFeed()
    try:
        master = await open_master_key(settings, database)
        keys = KeyRing(database, master)
        directory, mailer = TenantDirectory(database), open_mailer(settings)
        if isinstance(mailer, NoMailer):
            DEGRADED.labels("mail").inc()
            log.warning("degraded", what="mail", instead="none is sent: DESK_SMTP_URL is not set")
        yield Workplace(settings, database, directory, keys, master, embedder, mailer, feed)
    finally:
        await feed.close()
        await database.close()
