"""Audit seals: puts what was noted since the last time onto the tenant's chain."""

from __future__ import annotations

from desk.domain import Tenant
from desk.subjects.audit_chain import PURPOSE, Chain, seal_batch
from server.jobs.workplace import Workplace

BATCH = 1000


async def seal_audit(place: Workplace, tenant: Tenant) -> bool:
    """Seal a batch; True when more may be left."""
    chain = Chain(place.master.derive(PURPOSE))
    async with place.tx(tenant) as tx:
        return await seal_batch(tx, chain, limit=BATCH) == BATCH
