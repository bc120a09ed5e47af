"""A tenant's index of vectors: searches find what an exact one finds, of their own rows, and enough."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

import migrations
from desk.domain import Principal, Tenant, TenantId, new_id
from desk.embedded import Engines
from desk.storage import faqs, found_faqs, near_index, tenant_rows, tenants
from desk.storage.faqs import FaqEntry
from desk.storage.found_faqs import NEAR_ROWS
from desk.storage.migrate import connected_owner, make_placement
from desk.storage.pool import Database

ROWS = 600
Vectors = NDArray[np.float32]


@pytest.fixture(params=["shared", "own"])
async def large(request: pytest.FixtureRequest, database: Database, owner_url: str) -> Tenant:
    """A tenant in either placement."""
    tenant_id = TenantId(new_id())
    placement = "shared" if request.param == "shared" else f"tenant_{tenant_id.hex}"
    tenant = Tenant(tenant_id, f"large-{tenant_id.hex}", "A large shop", placement)
    if placement != "shared":
        async with connected_owner(owner_url) as conn:
            await make_placement(conn, placement, migrations.FOLDER, say=lambda _: None)
    database.place(tenant_id, placement)
    async with database.tenant_tx(Principal(tenant_id, "admin")) as tx:
        assert await tenants.add(tx, tenant, {})
    return tenant


@pytest.fixture
async def fresh(migrated: Engines) -> AsyncIterator[Database]:
    """A pool that has not looked yet what is indexed."""
    database = Database(migrated.database_url, size=2)
    await database.open()
    yield database
    await database.close()


def directions(count: int, seed: int = 0) -> Vectors:
    """Rows of length 1, shape (count, 384)."""
    rows = np.random.default_rng(seed).standard_normal((count, 384), dtype=np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


async def fill(
    database: Database, tenant: Tenant, name: str, parts: list[Vectors], *, draft: bool = False
) -> None:
    """FAQs named `name` and a number, each with its vectors."""
    entries = [FaqEntry(f"{name}{number}", "A question", draft=draft) for number in range(len(parts))]
    async with database.tenant_tx(Principal(tenant.id, "admin")) as tx:
        await faqs.upsert(tx, tenant.id, entries)
        made = {entry.external_id: rows for entry, rows in zip(entries, parts, strict=True)}
        await faqs.put_vectors(tx, tenant.id, made)


async def index(owner_url: str, tenant: Tenant) -> None:
    async with connected_owner(owner_url) as conn:
        await near_index.make(conn, tenant, 384)


async def found(database: Database, tenant: Tenant, vectors: Vectors) -> list[tuple[str, float]]:
    nearest = await found_faqs.nearest(database, Principal(tenant.id, "user"), vectors, 10)
    return [(one.faq.external_id, round(one.cosine, 6)) for one in nearest]


async def test_it_is_used_and_finds_what_an_exact_search_finds(
    database: Database, migrated: Engines, owner_url: str, large: Tenant, tenant: Tenant
) -> None:
    rows = directions(ROWS)
    await fill(database, large, "ours-", [row[None] for row in rows])
    await fill(database, tenant, "theirs-", [row[None] for row in rows])
    queries = (rows[7], directions(1, 1)[0], rows[[3, 8]])
    exact = [await found(database, large, asked) for asked in queries]
    await index(owner_url, large)
    fresh = Database(migrated.database_url, size=1)
    await fresh.open()
    assert [await found(fresh, large, asked) for asked in queries] == exact
    assert all(name.startswith("theirs-") for name, _ in await found(fresh, tenant, rows[7]))
    await fresh.close()  # what was used is told then
    async with connected_owner(owner_url) as conn:
        cursor = await conn.execute(
            "select idx_scan from pg_stat_all_indexes where indexrelname = %s",
            (near_index.name_of(large.id),),
        )
        assert await cursor.fetchone() == (4,)  # one for each vector that was asked


async def test_there_are_enough_where_the_nearest_are_drafts(
    database: Database, fresh: Database, owner_url: str, large: Tenant
) -> None:
    asked = directions(1)[0]
    near = [asked[None] + 0.01 * directions(1, seed) for seed in range(1, 2 * NEAR_ROWS)]
    await fill(database, large, "draft-", near, draft=True)
    await fill(database, large, "shown-", [row[None] for row in directions(20, 999)])
    before = await found(database, large, asked)
    await index(owner_url, large)
    assert await found(fresh, large, asked) == before
    assert len(before) == 10
    assert all(name.startswith("shown-") for name, _ in before)


async def test_there_are_enough_where_all_that_is_near_is_one_document(
    database: Database, fresh: Database, owner_url: str, large: Tenant
) -> None:
    asked = directions(1)[0]
    await fill(database, large, "document-", [asked[None] + 0.01 * directions(2 * NEAR_ROWS, 1)])
    await fill(database, large, "other-", [row[None] for row in directions(20, 999)])
    await index(owner_url, large)
    names = [name for name, _ in await found(fresh, large, asked)]
    assert names[0] == "document-0"
    assert len(set(names)) == 10


async def test_rows_that_come_and_go_later_are_found_and_not(
    database: Database, fresh: Database, owner_url: str, large: Tenant
) -> None:
    rows = directions(50)
    await fill(database, large, "old-", [row[None] for row in rows])
    await index(owner_url, large)
    assert (await found(fresh, large, rows[4]))[0][0] == "old-4"
    later = directions(1, 5)
    await fill(database, large, "new-", [later])
    async with database.tenant_tx(Principal(large.id, "admin")) as tx:
        assert await faqs.delete(tx, "old-4")
    assert (await found(fresh, large, later[0]))[0][0] == "new-0"
    assert "old-4" not in [name for name, _ in await found(fresh, large, rows[4])]


async def test_an_erased_tenant_leaves_no_index(database: Database, owner_url: str, large: Tenant) -> None:
    await fill(database, large, "ours-", [directions(1)])
    await index(owner_url, large)
    async with connected_owner(owner_url) as conn:
        assert near_index.name_of(large.id) in await near_index.list_ready(conn)
        gone = replace(large, status="suspended")
        assert [table async for table, _ in tenant_rows.erase(conn, gone, Principal(large.id, "admin"))]
        assert near_index.name_of(large.id) not in await near_index.list_ready(conn)
