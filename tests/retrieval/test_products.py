"""Products as customers ask for them, on the real model and the real database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from desk.domain import Principal
from desk.models.embeddings import MiniLM, Vectors
from desk.retrieval.products import CatalogueSearch, Wanted, cut, ingest_products
from desk.storage.pool import Database
from desk.tooling import Product, Reason


def book(sku: str, title: str, author: str, genre: str, about: str, *, stock: int = 4) -> Product:
    return Product(sku, title, (author,), (genre,), "$9.99", 4.0, stock, about)


BOOKS = (
    book("1", "The Nile Affair", "Agatha Quill", "mystery", "A detective solves a murder on a river boat."),
    book("2", "Cold Study", "Ian North", "mystery", "A body is found in a library in Oslo."),
    book("3", "Starfall", "Ursula Vance", "science fiction", "A colony on Mars runs out of air."),
    book("4", "Cinder Moon", "Ursula Vance", "science fiction", "A machine wakes on a dead planet."),
    book("5", "Butter and Salt", "Jean Roux", "cooking", "Eighty recipes from a small French kitchen."),
    book("6", "The Last Alibi", "Agatha Quill", "mystery", "Nobody was in the house.", stock=0),
)


class BrokenEmbedder:
    """A model that is gone."""

    name = "broken"
    dimensions = 384
    words: frozenset[str] = frozenset()

    async def embed(self, texts: Sequence[str]) -> Vectors:
        raise RuntimeError(f"no model for {len(texts)} texts")


@pytest.fixture
async def search(database: Database, embedder: MiniLM, admin: Principal) -> CatalogueSearch:
    await ingest_products(database, embedder, admin, BOOKS)
    return CatalogueSearch(database, embedder)


@pytest.mark.parametrize(
    ("query", "skus"),
    [
        ("recommend me a mystery", {"1", "2"}),
        ("any good MYSTERIES?", {"1", "2"}),
        ("science-fiction please", {"3", "4"}),
        ("do you have Agatha Quill?", {"1"}),
        ("something by vance", {"3", "4"}),
    ],
)
async def test_named_genres_and_authors_narrow_the_choice(
    search: CatalogueSearch, user: Principal, query: str, skus: set[str]
) -> None:
    found = await search(user, query, genre=None, author=None, limit=5)
    assert {product.sku for product in found} == skus


async def test_a_named_title_comes_first_and_what_is_like_it_next(
    search: CatalogueSearch, user: Principal
) -> None:
    found = await search(user, "do you have Starfall", genre=None, author=None, limit=2)
    assert [product.sku for product in found] == ["3", "4"]
    found = await search(user, "is cold study in stock", genre=None, author=None, limit=1)
    assert [product.sku for product in found] == ["2"]


async def test_something_like_a_title_is_not_that_title(search: CatalogueSearch, user: Principal) -> None:
    (found,) = await search(user, "something like Starfall", genre=None, author=None, limit=1)
    assert found.sku == "4"
    assert found.because == (Reason("like", "Starfall"),)
    (wished,) = await search(user, "I would like Starfall", genre=None, author=None, limit=1)
    assert wished.sku == "3"
    assert wished.because == (Reason("title", "Starfall"),)


async def test_price_and_rating_bound_the_choice(
    database: Database, embedder: MiniLM, admin: Principal, user: Principal
) -> None:
    priced = [
        replace(book(str(number), f"Volume {number}", "A. Author", "mystery", "A murder."), price=p, rating=r)
        for number, (p, r) in enumerate(
            (("$9.99", 3.5), ("12,50 €", 4.0), ("$15", 4.5), ("1.299,00 EUR", 5.0), ("ask us", 4.9))
        )
    ]
    await ingest_products(database, embedder, admin, priced)
    search = CatalogueSearch(database, embedder)

    async def found(query: str, **more: float) -> set[str]:
        products = await search(user, query, genre=None, author=None, limit=9, **more)
        return {product.sku for product in products}

    assert await found("a mystery cheaper than 15") == {"0", "1"}
    assert await found("a mystery up to 15 euros") == {"0", "1", "2"}
    assert await found("mysteries for more than $1000") == {"3"}
    assert await found("mysteries between 10 and 15 euros") == {"1", "2"}
    assert await found("mysteries with at least four stars") == {"1", "2", "3", "4"}
    assert await found("a mystery under 15 rated 4 or better") == {"1"}
    assert await found("a mystery", price_to=15.0, rating_from=4.1) == {"2"}
    assert await found("a mystery", price_to=9.0) == set()


async def test_words_that_mean_little_are_found_too(
    database: Database, embedder: MiniLM, admin: Principal, user: Principal
) -> None:
    odd = book("7", "Xylocarp", "B. Writer", "cooking", "About the hard fruit.")
    await ingest_products(database, embedder, admin, (*BOOKS, odd))
    search = CatalogueSearch(database, embedder)
    (first,) = await search(user, "do u have xylocarp", genre=None, author=None, limit=1)
    assert first.sku == "7"


async def test_what_is_sold_out_is_told_and_not_shown(search: CatalogueSearch, user: Principal) -> None:
    found = await search.find(user, "do you have The Last Alibi?", Wanted(), limit=2)
    assert found.sold_out == ("The Last Alibi",)
    assert "6" not in {product.sku for product in found.products}
    assert found.products[0].because[0] == Reason("like", "The Last Alibi")


async def test_the_rest_is_found_by_meaning_and_always_the_same(
    search: CatalogueSearch, user: Principal
) -> None:
    first = await search(user, "I want to learn to cook at home", genre=None, author=None, limit=4)
    assert first[0].sku == "5"
    assert await search(user, "I want to learn to cook at home", genre=None, author=None, limit=4) == first


async def test_what_the_caller_names_narrows_more_than_the_query(
    search: CatalogueSearch, user: Principal
) -> None:
    found = await search(user, "a mystery", genre="cooking", author=None, limit=5)
    assert [product.sku for product in found] == ["5"]
    assert await search(user, "a mystery", genre=None, author="Vance", limit=5) == []
    assert await search(user, "anything", genre="poetry", author=None, limit=5) == []


async def test_without_vectors_the_best_rated_are_shown_and_it_is_said(
    database: Database, search: CatalogueSearch, user: Principal
) -> None:
    said: list[tuple[str, str]] = []
    degraded = CatalogueSearch(database, BrokenEmbedder(), on_degraded=lambda *what: said.append(what))
    found = await degraded(user, "recommend me a mystery", genre=None, author=None, limit=5)
    assert {product.sku for product in found} == {"1", "2"}
    assert said == [("product vectors", "products by rating")]


@pytest.mark.parametrize(
    ("query", "unknown"),
    [
        ("do you have harry potter?", True),
        ("is the great escape in stock", True),
        ("anything by stephen king?", True),
        ("haben Sie Faust auf Lager", True),
        ("do you have starfall?", False),
        ("is starfall as paperback available", False),
        ("do you have something about ships", False),
        ("do you have any new books", False),
        ("something by vance", False),
        ("un libro por favor", False),
        ("something to read by the pool", False),
        ("I need a good novel by Friday", False),
        ("un livre, par exemple", False),
        ("can I pay for a book by card", False),
        ("recommend me a mystery", False),
    ],
)
async def test_a_thing_that_there_is_not_is_told_from_a_wish(
    search: CatalogueSearch, user: Principal, query: str, *, unknown: bool
) -> None:
    found = await search.find(user, query, Wanted(), limit=3)
    assert found.unknown == unknown
    assert found.products


@pytest.mark.parametrize(
    "query", ["is starfall in stock?", "how much is starfall", "haben Sie starfall auf Lager"]
)
async def test_one_thing_that_is_asked_for_is_found_in_small_letters(
    search: CatalogueSearch, user: Principal, query: str
) -> None:
    found = await search.find(user, query, Wanted(), limit=1)
    assert [product.title for product in found.products] == ["Starfall"]
    assert found.products[0].because[0].kind == "title"


def test_a_word_is_no_title_and_a_name_is() -> None:
    assert "it" not in cut("Is It good?").titles
    assert "night" not in cut("something for the night").titles
    assert "night" in cut("do you have Night by Elie Wiesel").titles
    assert "1984" in cut("price of 1984").titles
    assert cut("a book by Christie").surnames == {"christie"}
    assert len(cut("word " * 10_000).phrases) < 100
