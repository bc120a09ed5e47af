"""The `products` suite: does what the catalogue search shows fit what was asked for, and is it in stock?"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from desk.domain import Principal
from desk.errors import InvalidInput
from desk.retrieval.products import CatalogueSearch, Found, Wanted
from desk.tooling import Product
from evals.data import Row, read_rows
from evals.evidence import Evidence, evidence
from evals.report import Figures, Report, build_report, rounded

DEFINITION_VERSION = 1
SHOWN: Final = 3
SEED: Final = 11
QUERIES: Final = 300
CASE = {"id": str, "say": str, "source": str, "expect": dict}
BOOK = {"id": int, "title": str, "authors": list, "avg_rating": float, "tags": list}
KEYS: Final = frozenset(
    (
        *("first", "any", "without", "genres", "authors"),
        *("price_from", "price_to", "rating_from", "nothing", "sold_out"),
    )
)


@dataclass(frozen=True, slots=True)
class Case:
    """A question and what must hold of the products that are shown."""

    id: str
    source: str
    say: str
    expect: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Judged:
    """A case, whether all that was expected held, whether all was in stock, and what was shown."""

    case: Case
    fits: bool
    in_stock: bool
    shown: tuple[str, ...]
    ms: float


def read_cases(path: Path) -> list[Case]:
    """Rows of {id, say, source, expect}; raises InvalidInput where something unknown is expected."""
    cases = []
    for row in read_rows(path, CASE):
        unknown = sorted(row["expect"].keys() - KEYS)
        if unknown:
            raise InvalidInput(f"Case {row['id']}: {unknown} is not known; known are {sorted(KEYS)}.")
        cases.append(Case(row["id"], row["source"], row["say"], row["expect"]))
    return cases


async def evaluate_products(search: CatalogueSearch, asker: Principal, cases: Sequence[Case]) -> Report:
    """Ask every case of the asker's catalogue; `fits` and `in_stock` are shares of the cases.

    A case fits when each of the SHOWN products is as expected, and there is one unless `nothing` is expected.
    """
    judged = [await _ask(search, asker, case) for case in cases]
    by_source: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        by_source[one.case.source].append(one)
    report = build_report(
        "products",
        DEFINITION_VERSION,
        {source: _figures(ones) for source, ones in sorted(by_source.items())},
        _figures(judged),
        [one.ms for one in judged],
        {source: _evidence(ones) for source, ones in by_source.items()},
    )
    failed = [
        {"case": one.case.id, "said": one.case.say, "expected": one.case.expect, "shown": list(one.shown)}
        for one in judged
        if not (one.fits and one.in_stock)
    ]
    return {**report, "failed": failed}


def catalogue_of(path: Path) -> list[Product]:
    """The books of a file in the shape of goodbooks-10k: tags are genres, every seventh book is sold out."""
    return [
        Product(
            sku=f"book-{row['id']}",
            title=row["title"],
            authors=tuple(row["authors"]),
            genres=tuple(row["tags"]),
            price=f"${5 + row['id'] % 20}.99",
            rating=row["avg_rating"],
            stock=0 if row["id"] % 7 == 0 else 3,
        )
        for row in read_rows(path, BOOK)
    ]


def cases_of(catalogue: Sequence[Product]) -> list[Case]:
    """Questions about a catalogue, made from itself, always the same: titles, authors, genres, likeness."""
    chance = random.Random(SEED)  # noqa: S311
    here = [product for product in catalogue if product.stock and product.genres and product.title.isascii()]
    return list(_made(chance.sample(here, min(QUERIES, len(here)))))


def _made(books: Sequence[Product]) -> Iterator[Case]:
    for number, book in enumerate(books):
        plain, author, genre = book.title.partition(" (")[0], book.authors[0], book.genres[0]
        price, rating = float(book.price[1:]), round(book.rating - 0.05, 1)
        made: tuple[tuple[str, str, dict[str, Any]], ...] = (
            ("by_title", f"do you have {plain.lower()}", {"first": [plain]}),
            ("by_title", f"Is {plain} in stock?", {"first": [plain]}),
            ("by_author", f"something by {author}", {"authors": [author]}),
            (
                "by_genre_and_rating",
                f"{genre.replace('-', ' ')} rated at least {rating}",
                {"genres": [genre], "rating_from": rating},
            ),
            (
                "by_genre_and_price",
                f"{genre.replace('-', ' ')} for at most {price} dollars",
                {"genres": [genre], "price_to": price},
            ),
            ("by_likeness", f"something like {plain}", {"genres": list(book.genres), "without": [plain]}),
        )
        kind, say, expect = made[number % len(made)]
        yield Case(f"{kind}-{number}", kind, say, expect)


async def _ask(search: CatalogueSearch, asker: Principal, case: Case) -> Judged:
    started = time.perf_counter()
    found = await search.find(asker, case.say, Wanted(), limit=SHOWN)
    ms = (time.perf_counter() - started) * 1000
    in_stock = all(product.stock > 0 for product in found.products)
    shown = tuple(product.title for product in found.products)
    return Judged(case, _fits(found, case.expect), in_stock, shown, ms)


def _fits(found: Found, expect: Row) -> bool:
    titles = [_plain(product.title) for product in found.products]
    if expect.get("nothing"):
        return not titles
    return (
        bool(titles)
        and ("first" not in expect or titles[0] in map(_plain, expect["first"]))
        and ("any" not in expect or bool(set(titles) & set(map(_plain, expect["any"]))))
        and not set(titles) & set(map(_plain, expect.get("without", ())))
        and set(expect.get("sold_out", ())) <= set(found.sold_out)
        and all(_within(product, expect) for product in found.products)
    )


def _plain(title: str) -> str:
    return title.partition(" (")[0].casefold()


def _within(product: Product, expect: Row) -> bool:
    price = float(product.price.lstrip("$"))
    return (
        ("genres" not in expect or bool(set(product.genres) & set(expect["genres"])))
        and ("authors" not in expect or bool(set(product.authors) & set(expect["authors"])))
        and expect.get("price_from", 0) <= price <= expect.get("price_to", price)
        and product.rating >= expect.get("rating_from", 0) - 0.001
    )


def _figures(judged: Sequence[Judged]) -> Figures:
    return {
        "n": len(judged),
        **{name: rounded(found.figure()) for name, found in _evidence(judged).items()},
    }


def _evidence(judged: Sequence[Judged]) -> dict[str, Evidence]:
    return {
        "fits": evidence("share", {one.case.id: float(one.fits) for one in judged}),
        "in_stock": evidence("share", {one.case.id: float(one.in_stock) for one in judged}),
    }
