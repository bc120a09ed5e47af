"""Rotation: wraps every data key anew under the current master key, a batch a transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from desk.domain import Principal
from desk.privacy.sealing import MasterKey, SealBroken
from desk.storage import master_keys
from desk.storage.master_keys import Wrapped
from desk.storage.pool import Database
from desk.storage.tenants import Home

BATCH = 500


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction did: data keys wrapped anew, and some that no known master key opens."""

    home: Home
    done: int
    closed: int


async def rotate(database: Database, master: MasterKey, homes: Sequence[Home]) -> AsyncIterator[Batch]:
    """Bring all data keys of these tenants under the master key; what is under it already is left alone.

    It may be stopped or killed at any moment and begun again: what is done is told by the rows themselves.
    At its end, and only if nothing was left, the other keys are forgotten by the database.
    """
    async with database.control_tx() as tx:
        await master_keys.note(tx, master.id, master.wrap_root())
    closed = 0
    for home in homes:
        async for batch in _rotate_home(database, master, home):
            closed += batch.closed
            yield batch
    if closed == 0:
        async with database.control_tx() as tx:
            await master_keys.keep_only(tx, master.id)


async def counts(database: Database, master: MasterKey, homes: Sequence[Home]) -> dict[bytes, int]:
    """How many data keys each master key wraps, by its id (b"" without a mark), over these tenants."""
    found: dict[bytes, int] = {}
    for home in homes:
        async with database.tenant_tx(Principal(home.id, "worker")) as tx:
            by_mark = await master_keys.count_by_mark(tx, len(master.mark))
        for mark, count in by_mark.items():
            key_id = mark[1:] if mark[:1] == master.mark[:1] else b""
            found[key_id] = found.get(key_id, 0) + count
    return found


async def _rotate_home(database: Database, master: MasterKey, home: Home) -> AsyncIterator[Batch]:
    after = None
    while True:
        async with database.tenant_tx(Principal(home.id, "worker")) as tx:
            held = await master_keys.hold_foreign(tx, master.mark, after, limit=BATCH)
            opened = [new for new in (_wrapped_anew(master, old) for old in held) if new is not None]
            await master_keys.replace(tx, opened)
        if held:
            yield Batch(home, len(opened), len(held) - len(opened))
            after = held[-1].subject_id
        if len(held) < BATCH:
            return


def _wrapped_anew(master: MasterKey, old: Wrapped) -> Wrapped | None:
    try:
        key = master.unwrap(old.wrapped_key, subject=old.subject_id)
    except SealBroken:
        return None
    return Wrapped(old.subject_id, master.wrap(key, subject=old.subject_id))
