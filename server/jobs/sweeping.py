"""The clock of people who wait: who does background work looks at the handoffs twice a minute."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import structlog

from desk.errors import DeskError
from graphs.handoffs.sweep import Swept, sweep
from graphs.services import Services

SWEEP_SECONDS = 30.0

log = structlog.get_logger("desk.handoffs")


@asynccontextmanager
async def sweeping(
    services: Services,
    *,
    every: float = SWEEP_SECONDS,
    look: Callable[[Services, datetime], Awaitable[Swept]] = sweep,
) -> AsyncIterator[None]:
    """Alarms and tickets for who waits too long, for the life of the context; `every` is in seconds."""
    task = asyncio.create_task(_forever(services, every, look))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _forever(
    services: Services, every: float, look: Callable[[Services, datetime], Awaitable[Swept]]
) -> None:
    while True:
        await asyncio.sleep(every)
        try:
            await look(services, datetime.now(UTC))
        except DeskError as error:
            log.warning("handoff_sweep_failed", error=type(error).__name__)
