"""The stage of a chaos run: stores that may be hurt, a fleet of replicas, and a look into the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from desk.domain import Tenant, TenantSettings
from desk.storage import tenants
from graphs.registry import open_services
from graphs.services import Services
from tests.chaos.checker import Verdict, check
from tests.chaos.fleet import Fleet, open_fleet
from tests.chaos.history import History
from tests.chaos.stores import Stores, open_stores
from tests.measured.figures import Say
from tests.plugins.stores import temporary_home

SETTLE_ROUNDS = 450


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the experiments play; `services` look into the database, and run nothing."""

    stores: Stores
    fleet: Fleet
    services: Services
    home: Path
    say: Say

    async def tenant(self, settings: TenantSettings | None = None) -> Tenant:
        """A tenant that was not there before."""
        async with self.services.engine.database.control_tx() as tx:
            return await tenants.create(tx, f"shop-{uuid4().hex[:12]}", "A shop", settings)

    async def queued(self, *slugs: str, tries: int = 0) -> int:
        """Turns in the queue, of these tenants or of all, that have had at least so many tries."""
        async with self.services.engine.database.control_tx() as tx:
            cursor = await tx.execute(
                "select count(*) from turn_queue q join tenants t on t.id = q.tenant_id"
                " where (%(all)s or t.slug = any(%(slugs)s)) and q.attempts - q.forgiven >= %(tries)s",
                {"all": not slugs, "slugs": list(slugs), "tries": tries},
            )
            row = await cursor.fetchone()
        return int(row[0]) if row else 0

    async def settled(self, history: History) -> Verdict:
        """The verdict on a history, once its tenants' queue is empty (or was not for a minute and a half)."""
        slugs = {talk.tenant for talk in history.talks}
        for _ in range(SETTLE_ROUNDS):
            if not await self.queued(*slugs):
                break
            await asyncio.sleep(0.2)
        return await check(self.services, history)


@asynccontextmanager
async def open_stage(say: Say) -> AsyncIterator[Stage]:
    """Everything, for the life of the context."""
    with temporary_home() as folder:
        home = Path(folder)
        async with open_stores(home) as stores, open_fleet(stores.engines, home) as fleet:
            url = stores.engines.database_url
            async with open_services(fleet.settings, url, on_degraded=lambda *_: None) as services:
                yield Stage(stores, fleet, services, home, say)
