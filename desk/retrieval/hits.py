"""Counts the answers that cite a FAQ: in memory while a turn runs, written together every few seconds."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator

from desk.domain import Principal, TenantId
from desk.storage import faq_hits
from desk.storage.pool import Database

EVERY_SECONDS = 10.0
# Beyond these, counts of a database that stays away are dropped.
MOST_WAITING = 10_000

_log = logging.getLogger(__name__)


class HitCounts:
    """Hits of this process that are not written yet; a process that is killed loses those of some seconds."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[TenantId, Counter[str]] = {}

    def note(self, tenant_id: TenantId, external_id: str) -> None:
        """One more answer cited the FAQ."""
        self._waiting.setdefault(tenant_id, Counter())[external_id] += 1

    async def write(self) -> None:
        """Add what was noted to the database; what cannot be written waits for the next time."""
        taken, self._waiting = self._waiting, {}
        for tenant_id, hits in taken.items():
            try:
                async with self._database.tenant_tx(Principal(tenant_id, "worker")) as tx:
                    await faq_hits.add(tx, tenant_id, hits)
            except Exception as error:
                _log.warning("Hits of FAQs could not be written: %s.", type(error).__name__)
                if sum(map(len, self._waiting.values())) + len(hits) <= MOST_WAITING:
                    self._waiting.setdefault(tenant_id, Counter()).update(hits)

    @contextlib.asynccontextmanager
    async def written(self) -> AsyncIterator[HitCounts]:
        """Writes every few seconds while the context is open, and once more at its end."""
        task = asyncio.create_task(self._write_on())
        try:
            yield self
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await self.write()

    async def _write_on(self) -> None:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            await self.write()
