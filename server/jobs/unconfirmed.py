"""Unconfirmed: forgets registrations that nobody confirmed, and refresh tokens whose time is over."""

from __future__ import annotations

from desk.domain import Tenant
from desk.storage import accounts, refresh_tokens
from server.jobs.workplace import Workplace

BATCH = 500
DAYS = 7


async def forget_unconfirmed(place: Workplace, tenant: Tenant) -> bool:
    """Delete a batch; True when more may be left."""
    async with place.tx(tenant) as tx:
        await refresh_tokens.delete_expired(tx)
        return await accounts.delete_unconfirmed(tx, days=DAYS, limit=BATCH) == BATCH
