"""Aggregates: counts each tenant's turns by hour and route, with times, tokens and cost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from desk.domain import Tenant
from desk.storage import usage_hourly
from server.jobs.workplace import Workplace

HOUR = timedelta(hours=1)
BATCH_HOURS = 24
BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)


async def fill_hours(place: Workplace, tenant: Tenant) -> bool:
    """Count the next day's worth of hours that are over; True when more may be left.

    The hour counted last is counted again, as turns that were accepted in it may have ended since.
    """
    async with place.tx(tenant) as tx:
        last = await usage_hourly.last_filled(tx)
        if last is not None:
            await usage_hourly.fill(tx, tenant.id, last, last + HOUR)
        start = await usage_hourly.next_to_fill(tx, last + HOUR if last else BEGINNING)
        if start is None:
            return False
        this_hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        end = min(start + BATCH_HOURS * HOUR, this_hour)
        await usage_hourly.fill(tx, tenant.id, start, end)
    return end < this_hour
