"""The outbox at work: takes what is due of one channel, and notes what was delivered, missed or needless."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Literal

from structlog import get_logger

from desk.domain import Tenant
from desk.storage import deliveries
from desk.storage.deliveries import Channel, Delivery
from desk.storage.pool import Tx
from desk.telemetry.metrics import DELIVERIES
from server.jobs.workplace import Workplace

BATCH = 8
TRIES = 5
WAIT_SECONDS = (10, 60, 600, 3600)

# `needless`: there is nobody to tell, or no reason any more.
Outcome = Literal["delivered", "missed", "needless"]

log = get_logger("desk.deliveries")


async def take(place: Workplace, tenant: Tenant, channel: Channel) -> list[Delivery]:
    """What is due; ours for half a minute, then anybody's again, should this process die."""
    async with place.tx(tenant) as tx:
        return await deliveries.take(tx, channel, limit=BATCH)


async def note(
    place: Workplace, tenant: Tenant, channel: Channel, taken: Sequence[Delivery], outcomes: Sequence[Outcome]
) -> bool:
    """Note how each went; True when more may be due."""
    async with place.tx(tenant) as tx:
        for delivery, outcome in zip(taken, outcomes, strict=True):
            await _note(tx, channel, delivery, outcome)
    return len(taken) == BATCH


async def _note(tx: Tx, channel: Channel, delivery: Delivery, outcome: Outcome) -> None:
    ended: str = outcome
    if outcome != "missed":
        await deliveries.note_ended(tx, delivery.id, outcome)
    else:
        wait = _wait(delivery.tries)
        if wait is None:
            ended = "dead"
            log.error("delivery_dead", what=f"{channel} {delivery.kind}", attempts=delivery.tries)
        await deliveries.note_missed(tx, delivery.id, seconds=wait)
    DELIVERIES.labels(channel, ended).inc()


def _wait(tries: int) -> float | None:
    """Seconds until the next try, half of them by chance; None after the last."""
    if tries >= TRIES:
        return None
    return WAIT_SECONDS[tries - 1] * (0.5 + random.random() / 2)  # noqa: S311
