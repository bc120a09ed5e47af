"""Tells what of a catalogue a query names; its names are folded once as long as it stays the same."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from desk.domain import TenantId
from desk.storage import products
from desk.storage.pool import Tx
from desk.storage.products import NamedProduct, Version

# Some hundred bytes a product; the tenants searched last keep theirs.
CATALOGUES = 16
_WORD = re.compile(r"[^\W_]+")
_SERIES = re.compile(r"\s*\(.*\)\s*$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Asked:
    """Phrases of a query, lower case, one space between words: which may be a genre or a whole name, which
    a title, which an author's last name. `genres` is what else their genres are called, `last` the last word
    of a name that is asked for, and `shelf` says that a kind of book is.
    """

    phrases: frozenset[str] = frozenset()
    titles: frozenset[str] = frozenset()
    surnames: frozenset[str] = frozenset()
    genres: frozenset[str] = frozenset()
    last: str = ""
    shelf: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """What a query names: genres and authors of the catalogue, and titles with their stock-keeping units.

    `sold_out` are the titles of which there is none. `unknown` says that the query asks for one thing or for
    a kind by name, and nothing of the catalogue is called that.
    """

    genres: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    skus: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    sold_out: tuple[str, ...] = ()
    unknown: bool = False


def words(name: str) -> str:
    """The words of a name in lower case with one space between."""
    return " ".join(_WORD.findall(name.lower()))


class Names:
    """The names of one catalogue by their words; a series note in brackets does not belong to a title."""

    def __init__(self, catalogue: Iterable[NamedProduct]) -> None:
        self._genres: dict[str, set[str]] = defaultdict(set)
        self._authors: dict[str, set[str]] = defaultdict(set)
        self._surnames: dict[str, set[str]] = defaultdict(set)
        self._titles: dict[str, list[NamedProduct]] = defaultdict(list)
        for product in catalogue:
            self._titles[words(_SERIES.sub("", product.title))].append(product)
            for genre in product.genres:
                self._genres[words(genre)].add(genre)
            for author in product.authors:
                folded = words(author)
                self._authors[folded].add(author)
                self._surnames[folded.rpartition(" ")[2]].add(author)
        names = (*self._titles, *self._authors, *self._genres)
        self._words = {word for name in names for word in name.split()}

    def named(self, asked: Asked) -> Named:
        """What the query names, in order; last names count where no author is named in full."""
        books = [book for title in asked.titles for book in self._titles.get(title, ())]
        books.sort(key=lambda book: book.sku)
        genres = _among(self._genres, asked.phrases | asked.genres)
        authors = _among(self._authors, asked.phrases) or _among(self._surnames, asked.surnames)
        return Named(
            genres,
            authors,
            tuple(book.sku for book in books),
            tuple(book.title for book in books),
            tuple(book.title for book in books if book.stock <= 0),
            unknown=not (genres or authors or books) and self._is_unknown(asked),
        )

    def _is_unknown(self, asked: Asked) -> bool:
        return asked.shelf or (bool(asked.last) and asked.last not in self._words)


def _among(names: Mapping[str, set[str]], phrases: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({name for phrase in phrases for name in names.get(phrase, ())}))


class CatalogueNames:
    """The names of the catalogues that were searched last, read anew where a catalogue changed."""

    def __init__(self) -> None:
        self._kept: OrderedDict[TenantId, tuple[Version, Names]] = OrderedDict()

    async def of(self, tx: Tx, tenant_id: TenantId) -> Names:
        """As they are at this moment; folding those of 5,000 products takes some 50 ms, in a thread."""
        version = await products.version(tx)
        kept = self._kept.get(tenant_id)
        if kept is None or kept[0] != version:
            kept = version, await asyncio.to_thread(Names, await products.names(tx))
            self._kept[tenant_id] = kept
        self._kept.move_to_end(tenant_id)
        while len(self._kept) > CATALOGUES:
            self._kept.popitem(last=False)
        return kept[1]
