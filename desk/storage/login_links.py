"""Login links: each opens the pages once."""

from __future__ import annotations

from uuid import UUID

from desk.storage.pool import Tx


async def use(tx: Tx, link_id: UUID) -> bool:
    """Spend the link; False when it was spent before."""
    cursor = await tx.execute("insert into login_links (id) values (%s) on conflict do nothing", (link_id,))
    return cursor.rowcount == 1
