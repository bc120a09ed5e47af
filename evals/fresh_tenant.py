"""A tenant for one measurement: empty at the start, gone at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from desk.domain import Principal
from desk.storage import faqs, products, tenants
from desk.storage.pool import Database


@asynccontextmanager
async def fresh_tenant(database: Database) -> AsyncIterator[Principal]:
    """The admin of a new tenant; it, its FAQs and its products are deleted when the context ends."""
    async with database.control_tx() as tx:
        tenant = await tenants.create(tx, f"evals-{uuid4().hex}", "A measurement")
    admin = Principal(tenant.id, "admin")
    try:
        yield admin
    finally:
        async with database.tenant_tx(admin) as tx:
            await faqs.delete_missing(tx, [])
            await products.delete_missing(tx, [])
        async with database.control_tx() as tx:
            await tx.execute("delete from tenants where id = %s", (tenant.id,))
