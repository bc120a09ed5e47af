"""Tenant marks: counters that tell every process whose prompts or knowledge have changed."""

from __future__ import annotations

from dataclasses import dataclass

from desk.domain import TenantId
from desk.storage.pool import Tx


@dataclass(frozen=True, slots=True)
class Mark:
    """How often a tenant's labels were moved, and its knowledge changed."""

    prompts: int = 0
    knowledge: int = 0


async def get(tx: Tx, tenant_id: TenantId) -> Mark:
    """One tenant's; zero when nothing has ever changed."""
    cursor = await tx.execute(
        "select prompts, knowledge from tenant_marks where tenant_id = %s", (tenant_id,)
    )
    row = await cursor.fetchone()
    return Mark(*row) if row else Mark()


async def list_changed(tx: Tx, *, seconds: float | None) -> dict[TenantId, Mark]:
    """Those of tenants that changed in the last seconds, or all; a change counts from its commit on."""
    cursor = await tx.execute(
        "select tenant_id, prompts, knowledge from tenant_marks"
        " where %(seconds)s::float8 is null or changed_at > now() - make_interval(secs => %(seconds)s)",
        {"seconds": seconds},
    )
    return {TenantId(row[0]): Mark(row[1], row[2]) for row in await cursor.fetchall()}
