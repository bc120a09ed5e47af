"""The prompt book: every tenant's shelf in memory, so that a turn asks nobody which prompts it gets.

A shelf is read whole and takes the old one's place in one assignment. Which have to be read again is told by
the tenants' marks, a small query some times a second: a notification may be lost with its connection, so the
marks would have to be asked anyway (see `graphs.handoffs.feed`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import structlog

from desk.domain import Principal, Tenant, TenantId
from desk.errors import DeskError
from desk.storage import prompt_labels, prompt_versions, tenant_marks, tenants
from desk.storage.pool import Database, Tx
from desk.storage.prompt_labels import LabelRow
from desk.storage.prompt_versions import StoredVersion
from desk.storage.tenant_marks import Mark
from prompts.loader import Prompt
from prompts.own_intents import INTENTS
from prompts.shelf import Pointer, Pointers, Shelf

POLL_SECONDS = 0.4
# A mark is looked at for this long after it was made; all of them are read again from time to time, as a
# transaction may take longer to commit.
_RECENT_SECONDS = 30.0
_ALL_AGAIN_SECONDS = 20.0

log = structlog.get_logger("desk.prompts")


@dataclass(frozen=True, slots=True)
class Shelved:
    """A tenant's shelf with the marks as they were when it was read."""

    shelf: Shelf
    mark: Mark


@dataclass(slots=True)
class PromptBook:
    """Shelves of the tenants that had a turn here; `named` remembers the bundles that are written down.

    `prepare` is given the intents on a new shelf, and customers have the old shelf until it is done.
    """

    database: Database
    prepare: Callable[[Sequence[Prompt]], Awaitable[None]]
    named: dict[Any, str] = field(default_factory=dict)
    _shelves: dict[TenantId, Shelved] = field(default_factory=dict)
    _house: tuple[TenantId | None, Mapping[str, Pointers]] | None = None
    _house_mark: Mark = field(default_factory=Mark)
    _preparing: dict[TenantId, asyncio.Task[None]] = field(default_factory=dict)

    async def shelved(self, tenant: Tenant) -> Shelved:
        """The tenant's shelf; only its first turn in this process waits for it."""
        return self._shelves.get(tenant.id) or await self._read(tenant.id)

    @property
    def preparing(self) -> list[asyncio.Task[None]]:
        """The shelves that wait for their intents."""
        return list(self._preparing.values())

    async def aclose(self) -> None:
        """Stop what is being prepared."""
        for task in (waiting := self.preparing):
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    async def follow(self) -> None:
        """Until cancelled: read again what has changed. A shelf that cannot be read stays as it was."""
        read_all = 0.0
        while True:
            await asyncio.sleep(POLL_SECONDS)
            everything = time.monotonic() > read_all + _ALL_AGAIN_SECONDS
            try:
                await self.catch_up(seconds=None if everything else _RECENT_SECONDS)
            except DeskError as error:
                log.warning("prompt_poll_failed", error=type(error).__name__)
            except Exception:
                log.exception("prompt_poll_crashed")
            else:
                read_all = time.monotonic() if everything else read_all

    async def catch_up(self, *, seconds: float | None = None) -> None:
        """Read again the shelves of whoever changed in the last seconds, or ever."""
        if not self._shelves:
            return
        async with self.database.control_tx() as tx:
            marks = await tenant_marks.list_changed(tx, seconds=seconds)
        house = self._house[0] if self._house else None
        stale = {
            tenant_id
            for tenant_id, known in self._shelves.items()
            if marks.get(tenant_id, known.mark) != known.mark
        }
        if house is not None and marks.get(house, self._house_mark).prompts != self._house_mark.prompts:
            self._house = None
            stale = set(self._shelves)
        for tenant_id in stale:
            await self._read(tenant_id)

    async def _read(self, tenant_id: TenantId) -> Shelved:
        house = await self._read_house()
        async with self.database.tenant_tx(Principal(tenant_id, "worker")) as tx:
            # First the mark: what is written after it is read at the next poll again.
            mark = await tenant_marks.get(tx, tenant_id)
            shelf = await read_shelf(tx, tenant_id, house)
        found = Shelved(shelf, mark)
        intents = shelf.labelled(INTENTS)
        if intents and tenant_id in self._shelves:
            self._put_when_prepared(tenant_id, found, intents)
        else:
            await self.prepare(intents)
            self._shelves[tenant_id] = found
        return found

    def _put_when_prepared(self, tenant_id: TenantId, found: Shelved, intents: Sequence[Prompt]) -> None:
        """Put a shelf in its place once its intents are trained; nobody else's change waits for that."""

        async def put() -> None:
            try:
                await self.prepare(intents)
                self._shelves[tenant_id] = found
            except Exception:
                log.exception("intents_not_prepared", tenant_id=str(tenant_id))
            finally:
                del self._preparing[tenant_id]

        if tenant_id not in self._preparing:
            self._preparing[tenant_id] = asyncio.create_task(put())

    async def _read_house(self) -> Mapping[str, Pointers]:
        """The labels for all tenants: those of whoever runs the installation."""
        if self._house is not None:
            return self._house[1]
        async with self.database.control_tx() as tx:
            platform = await tenants.find(tx, tenants.PLATFORM)
        if platform is None:
            self._house = (None, MappingProxyType({}))
            return self._house[1]
        async with self.database.tenant_tx(Principal(platform.id, "worker")) as tx:
            mark = await tenant_marks.get(tx, platform.id)
            labels = pointers_of(await prompt_labels.list_current(tx, platform.id))
        self._house_mark, self._house = mark, (platform.id, labels)
        return labels


async def read_shelf(tx: Tx, tenant_id: TenantId, house: Mapping[str, Pointers]) -> Shelf:
    """A tenant's shelf as it is stored now."""
    labels = pointers_of(await prompt_labels.list_current(tx, tenant_id))
    versions = {
        (one.name, one.version): prompt_of(one) for one in await prompt_versions.list_all(tx, tenant_id)
    }
    return Shelf(labels, house, MappingProxyType(versions))


def pointers_of(rows: Iterable[LabelRow]) -> Mapping[str, Pointers]:
    """Where labels stand, by prompt name."""
    found: dict[str, dict[tuple[str, str], Pointer]] = {}
    for row in rows:
        if row.version is not None:
            found.setdefault(row.name, {})[row.channel, row.label] = Pointer(row.version, row.share)
    return MappingProxyType({name: MappingProxyType(places) for name, places in found.items()})


def prompt_of(stored: StoredVersion) -> Prompt:
    """A stored version as what a turn is told."""
    return Prompt(stored.name, stored.version, stored.sha, stored.variables, stored.notes, stored.text)
