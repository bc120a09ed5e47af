"""A genre is found by what any of seven languages calls it, in a catalogue that has one name for it."""

from __future__ import annotations

import pytest

from desk.domain import Principal
from desk.models.embeddings import MiniLM
from desk.retrieval.genre_words import as_others_say
from desk.retrieval.products import CatalogueSearch, Wanted, ingest_products
from desk.storage.pool import Database
from desk.tooling import Product


def book(sku: str, title: str, genre: str, price: str, about: str) -> Product:
    return Product(sku, title, ("Ann Author",), (genre,), price, 4.0, 4, about)


BOOKS = (
    *(book(f"M{n}", f"Murder {n}", "mystery", f"${9 + n}.00", "A murder in a village.") for n in range(3)),
    *(book(f"S{n}", f"Orbit {n}", "science-fiction", f"${8 + n}.00", "A ship near Mars.") for n in range(3)),
    *(book(f"W{n}", f"The Whale {n}", "nature", f"${20 + n}.00", "Whales of the sea.") for n in range(12)),
    *(book(f"C{n}", f"Supper {n}", "food", f"${2 + n}.00", "What to eat at night.") for n in range(3)),
)


@pytest.fixture
async def search(database: Database, embedder: MiniLM, admin: Principal) -> CatalogueSearch:
    await ingest_products(database, embedder, admin, BOOKS)
    return CatalogueSearch(database, embedder)


@pytest.mark.parametrize(
    ("query", "unknown"),
    [
        ("do you have poetry", True),
        ("a cookbook with Italian recipes", True),
        ("haben Sie Gedichte?", True),
        ("a mystery with recipes and poems", False),
        ("something funny for children", False),
        ("a book about whales", False),
    ],
)
async def test_a_kind_that_there_is_not_is_said_to_be_none(
    search: CatalogueSearch, user: Principal, query: str, *, unknown: bool
) -> None:
    found = await search.find(user, query, Wanted(), limit=3)
    assert (found.unknown, len(found.products)) == (unknown, 3)


@pytest.mark.parametrize(
    ("query", "first_letters"),
    [
        ("Habt ihr Krimis?", {"M"}),
        ("un bon roman policier", {"M"}),
        ("any crime fiction", {"M"}),
        ("sci-fi please", {"S"}),
        ("libros de ciencia ficción", {"S"}),
        ("libros de ciencia ficcion", {"S"}),
        ("Kinderbuecher und sachbuecher oder ein Krimi", {"M"}),
    ],
)
async def test_a_genre_is_found_by_its_other_names(
    search: CatalogueSearch, user: Principal, query: str, first_letters: set[str]
) -> None:
    found = await search.find(user, query, Wanted(), limit=3)
    assert {product.sku[0] for product in found.products} == first_letters
    assert not found.unknown


async def test_the_cheapest_is_of_what_was_asked_about(search: CatalogueSearch, user: Principal) -> None:
    found = await search.find(user, "your cheapest sci-fi", Wanted(), limit=1)
    assert [product.sku for product in found.products] == ["S0"]
    found = await search.find(user, "a cheap book about whales", Wanted(), limit=3)
    assert {product.sku[0] for product in found.products} == {"W"}
    found = await search.find(user, "what is your cheapest book?", Wanted(), limit=1)
    assert [product.sku for product in found.products] == ["C0"]


def test_words_that_are_no_genre_have_no_other_names() -> None:
    assert as_others_say({"shipping", "a book", "the murder of roger ackroyd"}) == set()
    assert "mystery" in as_others_say({"krimi"})
    assert "krimi" in as_others_say({"mystery"})
