"""Pruning: forgets login links, guesses at passwords, deliveries and dead jobs, which are no tenant's."""

from __future__ import annotations

from desk.storage import deliveries, jobs, login_attempts, retention, tenants
from server.jobs.workplace import Workplace

LOGIN_LINK_HOURS = 24
LOGIN_ATTEMPT_HOURS = 24
KEPT_DAYS = 30


async def prune(place: Workplace) -> bool:
    """Do it all at once; nothing is left."""
    async with place.database.control_tx() as tx:
        await retention.delete_login_links(tx, hours=LOGIN_LINK_HOURS)
        await login_attempts.delete_old(tx, hours=LOGIN_ATTEMPT_HOURS)
        await deliveries.forget(tx, days=KEPT_DAYS)
        await jobs.forget_dead(tx, days=KEPT_DAYS)
        await tenants.forget_activity(tx, days=KEPT_DAYS)
    return False
