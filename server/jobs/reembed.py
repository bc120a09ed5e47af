"""Re-embedding: makes the vectors of FAQs anew when the desk has another embedding model than made them."""

from __future__ import annotations

from desk.domain import Principal, Tenant
from desk.retrieval import ingest
from server.jobs.workplace import Workplace

BATCH = 64


async def reembed(place: Workplace, tenant: Tenant) -> bool:
    """Make a batch anew; True when more may be left."""
    worker = Principal(tenant.id, "worker")
    return await ingest.reembed(place.database, place.embedder, worker, limit=BATCH) == BATCH
