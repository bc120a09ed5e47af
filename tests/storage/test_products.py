"""Products in the database: what is in stock, what a choice leaves, and the order of the rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from desk.domain import Principal, Tenant, TenantId, new_id
from desk.storage import products
from desk.storage.pool import Database
from desk.storage.products import Choice
from desk.tooling import Product

DUNE = Product("b1", "Dune", ("Frank Herbert",), ("science fiction",), "$9", 4.2, 3, "Sand.")
EMMA = Product("b2", "Emma", ("Jane Austen",), ("Classics", "romance"), "$7", 4.0, 2, "Matches.")
OMENS = Product("b3", "Good Omens (A Novel)", ("Terry Pratchett", "Neil Gaiman"), ("fantasy",), "$8", 4.4, 5)
SOLD_OUT = Product("b4", "Rebecca", ("Daphne du Maurier",), ("gothic",), "$8", 4.9, 0)
ALL = (DUNE, EMMA, OMENS, SOLD_OUT)
AXES: NDArray[np.float32] = np.eye(384, dtype=np.float32)


async def fill(database: Database, principal: Principal) -> None:
    vectors = {product.sku: AXES[n] for n, product in enumerate(ALL)}
    async with database.tenant_tx(principal) as tx:
        await products.upsert(tx, principal.tenant_id, ALL, vectors)


async def test_only_what_is_in_stock_is_found_nearest_first(database: Database, admin: Principal) -> None:
    await fill(database, admin)
    async with database.tenant_tx(admin) as tx:
        found = await products.nearest(tx, AXES[3] + AXES[1] * 0.5, Choice(), 9)
        rated = await products.best_rated(tx, Choice(), 9)
    assert found == [EMMA, OMENS, DUNE]
    assert rated == [OMENS, DUNE, EMMA]


async def test_genre_and_author_narrow_by_whole_words(database: Database, admin: Principal) -> None:
    await fill(database, admin)
    async with database.tenant_tx(admin) as tx:

        async def chosen(choice: Choice) -> list[Product]:
            return await products.nearest(tx, AXES[0], choice, 9)

        assert await chosen(Choice(genres=("classics",))) == [EMMA]
        assert await chosen(Choice(genres=("Science-Fiction",))) == [DUNE]
        assert await chosen(Choice(authors=("gaiman",))) == [OMENS]
        assert await chosen(Choice(authors=("gaim",))) == []
        assert await chosen(Choice(genres=("fantasy",), authors=("austen",))) == []
        assert await chosen(Choice(genres=("fantasy", "romance"))) == [OMENS, EMMA]


async def test_named_titles_come_first_and_their_kin_next(database: Database, admin: Principal) -> None:
    await fill(database, admin)
    twin = Product("b9", "Hyperion", ("Dan Simmons",), ("science fiction",), "$9", 3.0, 1)
    async with database.tenant_tx(admin) as tx:
        await products.upsert(tx, admin.tenant_id, [twin], {"b9": AXES[9]})
        found = await products.nearest(tx, AXES[1], Choice(), 3, first=["b1"])
    assert found == [DUNE, twin, OMENS]


async def test_every_change_of_a_catalogue_is_another_version(
    database: Database, admin: Principal, tenant: Tenant
) -> None:
    async def seen() -> products.Version:
        async with database.tenant_tx(Principal(tenant.id, "user")) as tx:
            return await products.version(tx)

    versions = [await seen()]
    await fill(database, admin)
    versions.append(await seen())
    assert await seen() == versions[-1]
    for changed in (replace(DUNE, stock=0), replace(EMMA, title="Emma, annotated")):
        async with database.tenant_tx(admin) as tx:
            await products.upsert(tx, admin.tenant_id, [changed], {})
        versions.append(await seen())
    async with database.tenant_tx(admin) as tx:
        assert await products.delete_missing(tx, ["b1", "b2", "b3"]) == 1
    versions.append(await seen())
    assert len(set(versions)) == 5


async def test_a_new_price_needs_no_new_vector(database: Database, admin: Principal) -> None:
    await fill(database, admin)
    cheaper, retold = replace(DUNE, price="$5", stock=9), replace(EMMA, description="Other words.")
    async with database.tenant_tx(admin) as tx:
        assert await products.without_vectors(tx, [cheaper, retold]) == {"b2"}
        await products.upsert(tx, admin.tenant_id, [cheaper], {})
        assert (await products.nearest(tx, AXES[0], Choice(), 1)) == [cheaper]


async def test_a_tenant_sees_its_own_catalogue(database: Database, admin: Principal) -> None:
    await fill(database, admin)
    async with database.tenant_tx(Principal(TenantId(new_id()), "admin")) as tx:
        assert await products.nearest(tx, AXES[0], Choice(), 9) == []
        assert await products.terms(tx) == []
        assert await products.delete_missing(tx, []) == 0
    async with database.tenant_tx(admin) as tx:
        assert "Jane Austen" in await products.terms(tx)
        assert await products.delete_missing(tx, ["b1"]) == 3
