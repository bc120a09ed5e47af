"""Products: a tenant's catalogue, its vectors, and what in it a customer can name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desk.domain import TenantId
from desk.storage.pool import Tx
from desk.storage.vectors import Vector
from desk.tooling import Product

# How much a product's words count beside its meaning, and of how many words of a query.
WORDS_WEIGHT = 1.0
MOST_WORDS = 40
_WORD = re.compile(r"[^\W_]+")

_COLUMNS = "p.sku, p.title, p.authors, p.genres, p.price, p.rating, p.stock, p.description"

_UPSERT = """
insert into products as p
    (tenant_id, sku, title, authors, genres, price, rating, stock, description, embedding)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %b::vector)
on conflict (tenant_id, sku) do update
    set title = excluded.title, authors = excluded.authors, genres = excluded.genres, price = excluded.price,
        rating = excluded.rating, stock = excluded.stock, description = excluded.description,
        embedding = coalesce(excluded.embedding, p.embedding)
"""


def _folded(column: str) -> str:
    """SQL for the words of `column` in lower case with one space between, as queries are cut for `named`."""
    return f"btrim(regexp_replace(lower({column}), '[^[:alnum:]]+', ' ', 'g'))"


@dataclass(frozen=True, slots=True)
class Choice:
    """A part of the catalogue: any of the genres and any of the authors, given by all or some words of the
    name (empty means all), within these bounds of the price and with this rating, none of `without`, which
    tell what it is to be like, and nothing that is refused."""

    genres: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    price_from: float = 0.0
    price_to: float | None = None
    rating_from: float = 0.0
    without: tuple[str, ...] = ()
    refused_skus: tuple[str, ...] = ()
    refused_genres: tuple[str, ...] = ()
    refused_authors: tuple[str, ...] = ()
    cheapest_of: int = 0


# What changes when a catalogue does.
Version = tuple[int, int]


@dataclass(frozen=True, slots=True)
class NamedProduct:
    """What of a product a customer can name, and how many of it there are."""

    sku: str
    title: str
    stock: int
    genres: tuple[str, ...]
    authors: tuple[str, ...]


async def upsert(
    tx: Tx, tenant_id: TenantId, products: Sequence[Product], vectors: dict[str, NDArray[np.float32]]
) -> None:
    """Add or replace products by stock-keeping unit; a product without a vector keeps the one it has."""
    rows = [
        (
            tenant_id,
            product.sku,
            product.title,
            list(product.authors),
            list(product.genres),
            product.price,
            product.rating,
            product.stock,
            product.description,
            Vector(vectors[product.sku]) if product.sku in vectors else None,
        )
        for product in products
    ]
    async with tx.cursor() as cursor:
        await cursor.executemany(_UPSERT, rows)


async def without_vectors(tx: Tx, products: Sequence[Product]) -> set[str]:
    """Units whose stored vector is missing or belongs to other words; price and stock are not words."""
    cursor = await tx.execute(
        f"select {_COLUMNS} from products p where sku = any(%s) and embedding is not null",  # noqa: S608
        ([product.sku for product in products],),
    )
    known = {_words(product) for product in map(_product, await cursor.fetchall())}
    return {product.sku for product in products if _words(product) not in known}


async def delete_missing(tx: Tx, keep: Sequence[str]) -> int:
    """Remove every product whose unit is not in `keep`; returns how many went."""
    cursor = await tx.execute("delete from products where sku <> all(%s::text[])", (list(keep),))
    return cursor.rowcount


async def terms(tx: Tx) -> list[str]:
    """Every title and author of the catalogue, in order."""
    cursor = await tx.execute(
        "select title from products union select unnest(authors) from products order by 1"
    )
    return [term for (term,) in await cursor.fetchall()]


async def version(tx: Tx) -> Version:
    """Something else after every change of the catalogue; a few hundred microseconds for 1,000 products."""
    # Whoever writes a row leaves the number of a later transaction in it.
    cursor = await tx.execute("select count(*), coalesce(sum(xmin::text::bigint), 0)::bigint from products")
    count, writers = await cursor.fetchone() or (0, 0)
    return count, writers


async def names(tx: Tx) -> list[NamedProduct]:
    """Every product by what it is called."""
    cursor = await tx.execute("select sku, title, stock, genres, authors from products")
    return [
        NamedProduct(sku, title, stock, tuple(genres), tuple(authors))
        for sku, title, stock, genres, authors in await cursor.fetchall()
    ]


# A title that was named is meant, whatever else of the catalogue its words name.
_IN_CHOICE = f"""
stock > 0 and sku <> all(%(without)s::text[]) and sku <> all(%(refused_skus)s::text[])
and not p.genres && %(refused_genres)s::text[] and not p.authors && %(refused_authors)s::text[]
and rating >= %(rating_from)s - 0.0001
and (%(price_from)s = 0 or amount >= %(price_from)s)
and (%(price_to)s::numeric is null or amount <= %(price_to)s)
and (sku = any(%(first)s::text[]) or %(genres)s::text[] = '{{}}' or exists (
    select from unnest(p.genres) genre, unnest(%(genres)s::text[]) wanted
    where {_folded("genre")} = {_folded("wanted")}))
and (sku = any(%(first)s::text[]) or %(authors)s::text[] = '{{}}' or exists (
    select from unnest(p.authors) author, unnest(%(authors)s::text[]) wanted
    where position(' ' || {_folded("wanted")} || ' ' in ' ' || {_folded("author")} || ' ') > 0))
"""  # noqa: S608


async def nearest(
    tx: Tx,
    vector: NDArray[np.float32],
    choice: Choice,
    limit: int,
    *,
    first: Sequence[str] = (),
    words: str = "",
) -> list[Product]:
    """Products in stock: those in `first`, then those that share a genre with them, then the best matches.

    A match is near the middle of `first` and `choice.without` if there are any, else near `vector`
    (length 1), and holds the `words`. Of the best `choice.cheapest_of` the cheapest come first.
    """
    cursor = await tx.execute(
        "with model as (select avg(embedding) as middle from products where sku = any(%(named)s)),"  # noqa: S608
        " kin as (select array_agg(genre) as genres from products, unnest(genres) genre"
        " where sku = any(%(named)s)),"
        " asked as (select to_tsquery('pg_catalog.english', string_agg(quote_literal(word), ' | ')) as query"
        " from unnest(%(words)s::text[]) word),"
        " matches as (select p.*, coalesce(not p.genres && kin.genres, false) as of_other_kind,"
        " (embedding <#> coalesce(middle, %(vector)b::vector))"
        " - %(weight)s * coalesce(ts_rank(p.words, asked.query, 32), 0) as distance"
        f" from products p, model, kin, asked where {_IN_CHOICE}),"
        " near as (select *, row_number() over (order by of_other_kind, distance, rating desc, sku) as place"
        " from matches)"
        f" select {_COLUMNS} from near p order by sku <> all(%(first)s::text[]),"
        " case when place <= %(cheapest_of)s then amount end, place limit %(limit)s",
        {
            **_parameters(choice, limit, first),
            "vector": Vector(vector),
            "named": [*first, *choice.without],
            "words": _WORD.findall(words.lower())[:MOST_WORDS],
            "weight": WORDS_WEIGHT,
        },
    )
    return [_product(row) for row in await cursor.fetchall()]


async def best_rated(tx: Tx, choice: Choice, limit: int, *, first: Sequence[str] = ()) -> list[Product]:
    """Products in stock by rating, those in `first` before all others."""
    cursor = await tx.execute(
        f"select {_COLUMNS} from products p where {_IN_CHOICE}"  # noqa: S608
        " order by sku <> all(%(first)s::text[]), case when %(cheapest_of)s > 0 then amount end,"
        " rating desc, sku limit %(limit)s",
        _parameters(choice, limit, first),
    )
    return [_product(row) for row in await cursor.fetchall()]


def _parameters(choice: Choice, limit: int, first: Sequence[str]) -> dict[str, Any]:
    return {
        "genres": list(choice.genres),
        "authors": list(choice.authors),
        "price_from": choice.price_from,
        "price_to": choice.price_to,
        "rating_from": choice.rating_from,
        "without": list(choice.without),
        "refused_skus": list(choice.refused_skus),
        "refused_genres": list(choice.refused_genres),
        "refused_authors": list(choice.refused_authors),
        "cheapest_of": choice.cheapest_of,
        "limit": limit,
        "first": list(first),
    }


def _words(product: Product) -> tuple[Any, ...]:
    return product.sku, product.title, product.authors, product.genres, product.description


def _product(row: tuple[Any, ...]) -> Product:
    sku, title, authors, genres, price, rating, stock, description = row
    return Product(sku, title, tuple(authors), tuple(genres), price, rating, stock, description)
