"""Work beside a request: its answer comes at once and says nothing of what the work found."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from structlog import get_logger

from desk.errors import DeskError, RateLimited
from desk.telemetry.metrics import DEGRADED

_MOST_UNDER_WAY = 200
_CLOSE_SECONDS = 5.0

log = get_logger("desk.identity")


class Aside:
    """A bounded number of tasks, waited for at the end of the process."""

    def __init__(self) -> None:
        self._under_way: set[asyncio.Task[None]] = set()

    def run(self, what: str, work: Coroutine[None, None, None]) -> None:
        """Begin the work; raises RateLimited when there is too much of it. What fails is said in the log."""
        if len(self._under_way) >= _MOST_UNDER_WAY:
            work.close()
            raise RateLimited(5)
        task = asyncio.create_task(_told(what, work))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def close(self) -> None:
        """Wait a little for what is under way."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=_CLOSE_SECONDS)
        for task in self._under_way:
            task.cancel()


async def _told(what: str, work: Coroutine[None, None, None]) -> None:
    try:
        await work
    except DeskError as error:
        why = " ".join((type(error).__name__, *getattr(error, "__notes__", ())))
        DEGRADED.labels("accounts").inc()
        log.warning("degraded", what=what, instead=f"it was not done: {why}")
