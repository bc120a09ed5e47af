"""Erasures: deletes all that is a person's, looks again when every process has heard of it, and says done."""

from __future__ import annotations

import asyncio
import contextlib

from structlog import get_logger

from desk.cache.port import CacheAway
from desk.domain import Principal, TurnId
from desk.errors import DeskError
from desk.storage import erasures
from desk.storage.erasures import DueErasure, Erasure
from graphs.crash_points import crash_point
from graphs.streams.fanout import feed_key_of
from server.jobs.workplace import Workplace

BATCH = 32
# So many people at a time: each holds a connection of the pool.
AT_ONCE = 4
ROWS = 1_000
# After so many batches of one person it is the others' turn.
_BATCHES = 50

log = get_logger("desk.erasures")


async def erase_people(place: Workplace) -> bool:
    """Work on what is due; True when more may be left.

    Not by tenant, as a suspended tenant's people are erased too. A process that dies in the middle leaves the
    row as it is, and the next one begins again with what is left.
    """
    async with place.database.control_tx() as tx:
        due = await erasures.list_due(tx, limit=BATCH)
    gate = asyncio.Semaphore(AT_ONCE)
    ended = await asyncio.gather(*(_erase(place, one, gate) for one in due))
    return len(due) == BATCH or not all(ended)


async def _erase(place: Workplace, due: DueErasure, gate: asyncio.Semaphore) -> bool:
    """Delete what there is of one person; False when there is more to do at once."""
    async with gate:
        return await _erase_now(place, due)


async def _erase_now(place: Workplace, due: DueErasure) -> bool:
    erasure = due.erasure
    place.database.place(erasure.tenant_id, due.placement)
    try:
        if not await _delete_rows(place, erasure):
            return False
        # Named in the erasure itself until its end, so it matters not which of both is gone first.
        await place.feed.forget([feed_key_of(erasure.tenant_id, TurnId(one)) for one in erasure.trace_ids])
        await place.mailer.forget(erasure.tenant_id, erasure.trace_ids)
        async with place.database.tenant_tx(Principal(erasure.tenant_id, "worker")) as tx:
            await (erasures.finish if due.settled else erasures.look_again)(tx, erasure)
    except (DeskError, CacheAway, OSError) as error:
        log.error("erasure_waits", erasure=str(erasure.id), error=type(error).__name__)
        await _postpone(place, erasure)
    return True


async def _postpone(place: Workplace, erasure: Erasure) -> None:
    """Others that are due go first, so that no number of failing ones holds them up."""
    with contextlib.suppress(DeskError):
        async with place.database.tenant_tx(Principal(erasure.tenant_id, "worker")) as tx:
            await erasures.postpone(tx, erasure)


async def _delete_rows(place: Workplace, erasure: Erasure) -> bool:
    for _ in range(_BATCHES):
        async with place.database.tenant_tx(Principal(erasure.tenant_id, "worker")) as tx:
            gone = await erasures.delete_rows(tx, erasure.subject_id, limit=ROWS)
        crash_point(place.settings, "erasing")
        if gone < ROWS:
            return True
    return False
