"""Turn inputs: forgets the raw text of ended turns after a day, and frees their Idempotency-Keys."""

from __future__ import annotations

from desk.domain import Tenant
from desk.storage import retention
from server.jobs.workplace import Workplace

BATCH = 500
# A repeated request is answered from the stored turn for this long, then it is a new message.
REPLAY_HOURS = 24


async def clear_turn_inputs(place: Workplace, tenant: Tenant) -> bool:
    """Clear a batch; True when more may be left."""
    async with place.tx(tenant) as tx:
        return await retention.clear_turn_inputs(tx, hours=REPLAY_HOURS, limit=BATCH) == BATCH
