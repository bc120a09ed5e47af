"""Finds products: by the genre, author or title that a query names, and by meaning for the rest."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice, pairwise

import numpy as np
from numpy.typing import NDArray

from desk.domain import Principal
from desk.models.embeddings import Embedder
from desk.retrieval.search import log_degraded
from desk.storage import products
from desk.storage.pool import Database
from desk.storage.products import Asked, Choice
from desk.tooling import Product

BATCH = 64
MAX_PHRASE_WORDS = 8
MAX_QUERY_WORDS = 60
MIN_TITLE = 3
_WORD = re.compile(r"[^\W_]+")
# A last name alone is too often a common word; behind one of these it is a name.
_BY = frozenset({"by", "von", "par", "de", "di", "por", "author", "writer"})
_PLURALS = (("ies", "y"), ("es", ""), ("s", ""))

_log = logging.getLogger(__name__)


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

    async def __call__(
        self, principal: Principal, query: str, *, genre: str | None, author: str | None, limit: int
    ) -> list[Product]:
        """At most `limit` products: titles the query names, then the most similar.

        `genre` and `author` narrow the choice; where they are None, those that the query names do.
        Raises Unavailable when the database is away.
        """
        vector = await self._embed(query)
        async with self._database.tenant_tx(principal) as tx:
            found = await products.named(tx, cut(query))
            choice = Choice(
                genres=(genre,) if genre else found.genres, authors=(author,) if author else found.authors
            )
            if vector is None:
                return await products.best_rated(tx, choice, limit, first=found.skus)
            return await products.nearest(tx, vector, choice, limit, first=found.skus)

    async def _embed(self, query: str) -> NDArray[np.float32] | None:
        try:
            return np.asarray((await self._embedder.embed([query]))[0])
        except Exception as error:
            _log.warning("The query could not be embedded: %s.", type(error).__name__)
            self._on_degraded("product vectors", "products by rating")
            return None


def cut(query: str) -> Asked:
    """What in `query` could name a genre, an author or a title; only the first words are looked at.

    A title of one word counts when it is written as a name or a number: "It" and "Night" are words too.
    """
    words = _WORD.findall(query)[:MAX_QUERY_WORDS]
    folded = [word.lower() for word in words]
    phrases = set(_phrases(folded))
    names = {word.lower() for word in words if len(word) >= MIN_TITLE and not word.islower()}
    return Asked(
        phrases=frozenset(phrases.union(*map(_singulars, phrases))),
        titles=frozenset({phrase for phrase in phrases if " " in phrase} | names),
        surnames=frozenset(word for before, word in pairwise(folded) if before in _BY),
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
        vectors = await embedder.embed([_words(product) for product in renewed])
        by_sku = {product.sku: vector for product, vector in zip(renewed, vectors, strict=True)}
        async with database.tenant_tx(principal) as tx:
            await products.upsert(tx, principal.tenant_id, batch, by_sku)


def _words(product: Product) -> str:
    by = f" by {', '.join(product.authors)}" if product.authors else ""
    return f"{product.title}{by}. {', '.join(product.genres)}. {product.description}"
