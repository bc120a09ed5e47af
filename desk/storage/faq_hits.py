"""Hits: how often an answer cited a FAQ, by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from desk.domain import FaqId, TenantId
from desk.storage.pool import Tx


async def add(tx: Tx, tenant_id: TenantId, hits: Mapping[str, int]) -> None:
    """Add hits of today, by the FAQs' external ids; those of a FAQ that is gone are forgotten."""
    await tx.execute(
        "insert into faq_hits as h (tenant_id, faq_id, day, hits)"
        " select %s, f.id, current_date, n.hits"
        " from unnest(%s::text[], %s::bigint[]) as n (external_id, hits)"
        " join faqs f using (external_id) order by f.id"
        " on conflict (tenant_id, faq_id, day) do update set hits = h.hits + excluded.hits",
        (tenant_id, list(hits), list(hits.values())),
    )


async def count(tx: Tx, faq_ids: Sequence[FaqId]) -> dict[FaqId, int]:
    """The hits of all days of each FAQ that has some; only the staff may see them."""
    cursor = await tx.execute(
        "select faq_id, sum(hits) from faq_hits where faq_id = any(%s) group by faq_id", (list(faq_ids),)
    )
    return {FaqId(faq_id): int(hits) for faq_id, hits in await cursor.fetchall()}
