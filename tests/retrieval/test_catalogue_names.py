"""The names of a catalogue: what a query names of it, and that every change is heeded at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from desk.domain import Principal, TenantId, new_id
from desk.retrieval import catalogue_names
from desk.retrieval.catalogue_names import Asked, CatalogueNames, Named, Names
from desk.storage import products
from desk.storage.pool import Database
from desk.storage.products import NamedProduct
from desk.tooling import Product

CATALOGUE = (
    NamedProduct("b1", "Dune", 3, ("science fiction",), ("Frank Herbert",)),
    NamedProduct("b2", "Emma", 2, ("Classics",), ("Jane Austen",)),
    NamedProduct("b3", "Good Omens (A Novel)", 5, ("fantasy",), ("Terry Pratchett", "Neil Gaiman")),
    NamedProduct("b4", "Rebecca", 0, ("gothic",), ("Daphne du Maurier",)),
)
DUNE = Product("b1", "Dune", ("Frank Herbert",), ("science fiction",), "$9", 4.2, 3, "Sand.")
TITLES = Asked(titles=frozenset({"dune", "dune messiah"}))


def test_a_query_names_genres_authors_and_titles() -> None:
    names = Names(CATALOGUE)
    asked = Asked(
        phrases=frozenset({"science fiction", "jane austen", "austen"}),
        titles=frozenset({"good omens", "omens"}),
        surnames=frozenset({"maurier", "frank"}),
    )
    assert names.named(asked) == Named(
        ("science fiction",), ("Jane Austen",), ("b3",), ("Good Omens (A Novel)",)
    )
    # A last name counts where no author is named in full.
    assert names.named(replace(asked, phrases=frozenset({"austen"}))).authors == ("Daphne du Maurier",)
    assert names.named(Asked(titles=frozenset({"rebecca"}))).sold_out == ("Rebecca",)
    assert names.named(Asked()) == Named((), (), ())


async def named(names: CatalogueNames, database: Database, who: Principal) -> Named:
    async with database.tenant_tx(who) as tx:
        return (await names.of(tx, who.tenant_id)).named(TITLES)


async def put(database: Database, admin: Principal, *changed: Product) -> None:
    async with database.tenant_tx(admin) as tx:
        await products.upsert(tx, admin.tenant_id, changed, {})


async def test_a_change_is_heeded_at_once(database: Database, admin: Principal, user: Principal) -> None:
    names = CatalogueNames()
    assert (await named(names, database, user)).titles == ()
    await put(database, admin, DUNE)
    assert (await named(names, database, user)).sold_out == ()
    await put(database, admin, replace(DUNE, stock=0))
    assert (await named(names, database, user)).sold_out == ("Dune",)
    await put(database, admin, replace(DUNE, title="Dune Messiah"))
    assert (await named(names, database, user)).titles == ("Dune Messiah",)
    async with database.tenant_tx(admin) as tx:
        await products.delete_missing(tx, [])
    assert (await named(names, database, user)).titles == ()


async def test_names_stay_with_their_tenant_and_few_are_kept(
    database: Database, admin: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue_names, "CATALOGUES", 1)
    await put(database, admin, DUNE)
    names, stranger = CatalogueNames(), Principal(TenantId(new_id()), "admin")
    for _ in range(2):
        assert (await named(names, database, admin)).skus == ("b1",)
        assert (await named(names, database, stranger)).skus == ()
