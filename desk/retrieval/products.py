"""Finds products: by the genre, author or title that a query names, and by meaning for the rest."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice, pairwise

import numpy as np
from numpy.typing import NDArray

from desk.domain import Principal
from desk.models.embeddings import Embedder
from desk.retrieval.catalogue_names import Asked, CatalogueNames, Named, words
from desk.retrieval.genre_words import as_others_say, name_a_shelf
from desk.retrieval.search import log_degraded
from desk.retrieval.wishes import DEAREST, Wishes, read_wishes
from desk.storage import products
from desk.storage.pool import Database
from desk.storage.products import Choice
from desk.tooling import Product, Reason

BATCH = 64
MAX_PHRASE_WORDS = 16
MAX_QUERY_WORDS = 60
MIN_TITLE = 3
# Of so many of the best matches the cheapest is still about what was asked for.
FEW = 10
MOST = 1_000_000
_WORD = re.compile(r"[^\W_]+")
# A last name alone is too often a common word; behind one of these it is a name.
_BY = frozenset({"by", "von", "par", "de", "di", "por", "author", "writer"})
_PLURALS = (("ies", "y"), ("es", ""), ("s", ""))

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a caller wants beside the query; None leaves it to the query."""

    genre: str | None = None
    author: str | None = None
    price_to: float | None = None
    rating_from: float | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """Products with the reasons why, and titles that were asked for and are sold out.

    `unknown` says that one thing or a kind was asked for by name, and that there is nothing of that name.
    """

    products: tuple[Product, ...]
    sold_out: tuple[str, ...] = ()
    unknown: bool = False


class CatalogueSearch:
    """Search in the catalogue of the principal's tenant: only what is in stock, always in the same order."""

    def __init__(
        self,
        database: Database,
        embedder: Embedder,
        *,
        on_degraded: Callable[[str, str], None] = log_degraded,
    ) -> None:
        self._database = database
        self._embedder = embedder
        self._on_degraded = on_degraded
        self._names = CatalogueNames()

    async def __call__(
        self,
        principal: Principal,
        query: str,
        *,
        genre: str | None,
        author: str | None,
        limit: int,
        price_to: float | None = None,
        rating_from: float | None = None,
    ) -> list[Product]:
        """At most `limit` products: titles the query names, then the best matches, each with its reasons.

        `genre` and `author` narrow the choice; where they are None, those that the query names do.
        Raises Unavailable when the database is away.
        """
        wanted = Wanted(genre, author, price_to, rating_from)
        return list((await self.find(principal, query, wanted, limit=limit)).products)

    async def find(self, principal: Principal, query: str, wanted: Wanted, *, limit: int) -> Found:
        """The same, and which titles the query names that are sold out."""
        wishes = read_wishes(query)
        vector = await self._embed(wishes.words or query)
        async with self._database.tenant_tx(principal) as tx:
            names = await self._names.of(tx, principal.tenant_id)
            if wishes.refused and _is_of_a_title(wishes.refused, names.named(cut(query))):
                wishes = replace(wishes, words=query, refused="")
            named = _whole(names.named(cut(wishes.words, name=wishes.name, author=wishes.author)))
            choice = _choice(wishes, named, wanted, _whole(names.named(cut(wishes.refused))))
            first = () if wishes.like else named.skus
            if vector is None:
                found = await products.best_rated(tx, choice, limit, first=first)
            else:
                found = await products.nearest(tx, vector, choice, limit, first=first, words=wishes.words)
        sold_out = () if wishes.like else named.sold_out
        shown = tuple(_reasoned(product, named, choice) for product in found)
        return Found(shown, sold_out, unknown=named.unknown)

    async def _embed(self, query: str) -> NDArray[np.float32] | None:
        try:
            return np.asarray((await self._embedder.embed([query]))[0])
        except Exception as error:
            _log.warning("The query could not be embedded: %s.", type(error).__name__)
            self._on_degraded("product vectors", "products by rating")
            return None


def _choice(wishes: Wishes, named: Named, wanted: Wanted, refused: Named) -> Choice:
    """Of two bounds the stricter one. Who wants something like a title wants another, by anybody."""
    ceiling = min(wishes.price_to, DEAREST if wanted.price_to is None else wanted.price_to)
    return Choice(
        genres=(wanted.genre,) if wanted.genre else named.genres,
        authors=(wanted.author,) if wanted.author else () if wishes.like and named.skus else named.authors,
        price_from=wishes.price_from,
        price_to=ceiling if ceiling < DEAREST else None,
        rating_from=max(wishes.rating_from, wanted.rating_from or 0.0),
        without=named.skus if wishes.like else (),
        refused_skus=refused.skus,
        refused_genres=tuple(genre for genre in refused.genres if genre not in named.genres),
        refused_authors=refused.authors,
        cheapest_of=_cheapest_of(wishes, named) if wishes.cheapest else 0,
    )


def _is_of_a_title(refused: str, named: Named) -> bool:
    """Whether it only looks refused, as in "No Country for Old Men"."""
    within = f" {words(refused)}"
    return any(words(title).partition(" (")[0].endswith(within) for title in named.titles)


def _cheapest_of(wishes: Wishes, named: Named) -> int:
    """Among how many of the best matches the cheapest are looked for: all, if nothing tells what about."""
    tells_what = not (named.genres or named.authors) and wishes.about
    return FEW if tells_what else MOST


def _whole(named: Named) -> Named:
    """Without the genres and authors that are only words of something longer that is named."""
    titles = tuple(words(title.partition(" (")[0]) for title in named.titles)
    everything = {*titles, *map(words, named.genres), *map(words, named.authors)}

    def stands_alone(name: str) -> bool:
        within = f" {words(name)} "
        return not any(within in f" {other} " and other != words(name) for other in everything)

    return replace(
        named,
        genres=tuple(filter(stands_alone, named.genres)),
        authors=tuple(filter(stands_alone, named.authors)),
    )


def _reasoned(product: Product, named: Named, choice: Choice) -> Product:
    """The product with what about it fits the query."""
    reasons: list[Reason] = []
    if product.sku in named.skus:
        reasons.append(Reason("title", product.title))
    elif named.titles:
        reasons.append(Reason("like", named.titles[0]))
    fitting = {words(name) for name in choice.genres}
    reasons += [Reason("genre", genre) for genre in product.genres if words(genre) in fitting]
    authors = " ".join(f" {words(name)} " for name in choice.authors)
    reasons += [Reason("author", name) for name in product.authors if f" {words(name)} " in authors]
    return replace(product, because=tuple(reasons))


def cut(query: str, *, name: str = "", author: str = "") -> Asked:
    """What in `query` could name a genre, an author or a title; only the first words are looked at.

    A title of one word counts when it is written as a name or a number: "It" and "Night" are words too. In
    the `name` of one thing that is asked for, and of an `author`, a last name or a title counts in any case.
    """
    words = _WORD.findall(query)[:MAX_QUERY_WORDS]
    folded = [word.lower() for word in words]
    phrases = set(_phrases(folded))
    names = {word.lower() for word in words if len(word) >= MIN_TITLE and not word.islower()}
    one = [word.lower() for word in _WORD.findall(name or author)]
    titles = {phrase for phrase in phrases if " " in phrase} | names
    return Asked(
        phrases=frozenset(phrases.union(*map(_singulars, phrases))),
        genres=frozenset(as_others_say(phrases)),
        titles=frozenset(titles | {word for word in one if name and len(word) > MIN_TITLE}),
        surnames=frozenset(word for before, word in pairwise(folded) if before in _BY) | frozenset(one[-1:]),
        last=one[-1] if one else "",
        shelf=name_a_shelf(phrases),
    )


def _phrases(words: list[str]) -> Iterator[str]:
    for start in range(len(words)):
        for end in range(start + 1, min(start + MAX_PHRASE_WORDS, len(words)) + 1):
            yield " ".join(words[start:end])


def _singulars(phrase: str) -> set[str]:
    """`mysteries` may ask for the genre mystery, `mystery` for the genre Mysteries."""
    found = {phrase + "s", phrase[:-1] + "ies" if phrase.endswith("y") else phrase}
    return found | {phrase[: -len(end)] + one for end, one in _PLURALS if phrase.endswith(end)}


async def ingest_products(
    database: Database, embedder: Embedder, principal: Principal, catalogue: Iterable[Product]
) -> None:
    """Add or replace products of the tenant; only those whose words changed are embedded again."""
    rows = iter(catalogue)
    while batch := list(islice(rows, BATCH)):
        async with database.tenant_tx(principal) as tx:
            stale = await products.without_vectors(tx, batch)
        renewed = [product for product in batch if product.sku in stale]
        vectors = await embedder.embed([_described(product) for product in renewed])
        by_sku = {product.sku: vector for product, vector in zip(renewed, vectors, strict=True)}
        async with database.tenant_tx(principal) as tx:
            await products.upsert(tx, principal.tenant_id, batch, by_sku)


def _described(product: Product) -> str:
    by = f" by {', '.join(product.authors)}" if product.authors else ""
    return f"{product.title}{by}. {', '.join(product.genres)}. {product.description}"
