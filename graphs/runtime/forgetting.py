"""Forgetting: what every process does within seconds when somebody is erased, whoever erased them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import structlog

from desk.bootstrap import Engine
from desk.cache.port import CacheAway, Feed
from desk.domain import SubjectId, TurnId
from desk.errors import DeskError
from desk.storage import erasures
from graphs.streams.fanout import feed_key_of

LOOK_SECONDS = 2.0
# Each is heeded again and again for this long: a turn may still hand over events while it is being stopped.
_RECENT_SECONDS = 30.0

log = structlog.get_logger("desk.erasures")


async def forget_the_erased(engine: Engine, feed: Feed, stop: Callable[[SubjectId], None]) -> None:
    """Until cancelled: let go of the keys of who was erased, `stop` their turns, and empty their streams.

    Asked of the database and not told by a hint, as a hint may be lost; one small query in two seconds.
    """
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            async with engine.database.control_tx() as tx:
                recent = await erasures.list_recent(tx, seconds=_RECENT_SECONDS)
        except DeskError as error:
            log.warning("erasures_unknown", error=type(error).__name__)
            continue
        for erasure in recent:
            engine.keys.forget(erasure.subject_id)
            stop(erasure.subject_id)
            with contextlib.suppress(CacheAway):  # the job that deletes the rows tries it as well
                await feed.forget(
                    [feed_key_of(erasure.tenant_id, TurnId(turn)) for turn in erasure.trace_ids]
                )
