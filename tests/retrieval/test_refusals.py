"""What a customer does not want is not shown, and what only sounds like a refusal is none."""

from __future__ import annotations

import pytest

from desk.domain import Principal
from desk.models.embeddings import MiniLM
from desk.retrieval.products import CatalogueSearch, Wanted, ingest_products
from desk.retrieval.refusals import split_refused
from desk.storage.pool import Database
from tests.retrieval.test_products import BOOKS, book

COUNTRY = book("7", "No Country for Old Men", "Cormac Vale", "thriller", "A suitcase of money is found.")


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("something new, but no science fiction please", "science fiction"),
        ("not science fiction, please: something for the holidays", "science fiction"),
        ("I don't like horror or romance. A mystery?", "horror or romance"),
        ("anything but mysteries", "mysteries"),
        ("a book without magic", "magic"),
        ("a thriller instead of romance", "romance"),
        ("keine Krimis bitte", "Krimis"),
        ("pas de romans policiers", "de romans policiers"),
        ("sin terror", "terror"),
        ("senza fantasy", "fantasy"),
        ("geen thrillers graag", "thrillers"),
        ("nada de fantasia", "fantasia"),
        ("not only mysteries", ""),
        ("not too long", ""),
        ("is there no science fiction?", ""),
        ("no more than three", ""),
        ("a mystery", ""),
    ],
)
def test_what_is_refused_is_told_from_what_is_wanted(text: str, refused: str) -> None:
    wanted, found = split_refused(text)
    assert found == refused
    assert (refused in wanted) is (not refused)


@pytest.mark.parametrize(
    ("query", "skus"),
    [
        ("something to read, but not science fiction", {"1", "2", "5", "7"}),
        ("anything but mysteries and no cooking", {"3", "4", "7"}),
        ("a mystery, but not by Agatha Quill", {"2"}),
        ("science fiction other than Starfall", {"4"}),
    ],
)
async def test_what_is_refused_is_not_shown(
    database: Database, embedder: MiniLM, admin: Principal, user: Principal, query: str, skus: set[str]
) -> None:
    await ingest_products(database, embedder, admin, (*BOOKS, COUNTRY))
    found = await CatalogueSearch(database, embedder).find(user, query, Wanted(), limit=10)
    assert {product.sku for product in found.products} == skus


async def test_a_title_with_a_no_in_it_refuses_nothing(
    database: Database, embedder: MiniLM, admin: Principal, user: Principal
) -> None:
    await ingest_products(database, embedder, admin, (*BOOKS, COUNTRY))
    search = CatalogueSearch(database, embedder)
    found = await search.find(user, "do you have No Country for Old Men", Wanted(), limit=1)
    assert [product.title for product in found.products] == [COUNTRY.title]
