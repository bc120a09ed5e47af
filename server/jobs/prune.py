"""Pruning: forgets spent login links, old deliveries and dead jobs, which belong to no tenant's room."""

from __future__ import annotations

from desk.storage import jobs, retention, webhook_deliveries
from server.jobs.workplace import Workplace

LOGIN_LINK_HOURS = 24
KEPT_DAYS = 30


async def prune(place: Workplace) -> bool:
    """Do it all at once; nothing is left."""
    async with place.database.control_tx() as tx:
        await retention.delete_login_links(tx, hours=LOGIN_LINK_HOURS)
        await webhook_deliveries.forget(tx, days=KEPT_DAYS)
        await jobs.forget_dead(tx, days=KEPT_DAYS)
    return False
