"""The `retrieval` suite: is the right FAQ among the first, when the service itself loads and searches?"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import orjson

from desk.domain import Principal
from desk.errors import InvalidInput, Unavailable
from desk.models.embeddings import Embedder
from desk.retrieval.ingest import ingest
from desk.retrieval.load import load
from desk.retrieval.search import FaqSearch
from desk.storage import faqs
from desk.storage.faqs import FaqEntry
from desk.storage.pool import Database
from evals.evidence import evidence

DEFINITION_VERSION = 1
DEPTH = 10


@dataclass(frozen=True, slots=True)
class Query:
    """A customer's question and the ids of all FAQs or documents that answer it."""

    text: str
    gold: frozenset[str]
    source: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """The ids found for a query, best first, and how long that took."""

    query: Query
    found: tuple[str, ...]
    ms: float


async def evaluate_retrieval(
    database: Database,
    embedder: Embedder,
    principal: Principal,
    corpus: Path,
    queries: Path,
    *,
    aliases: int = 0,
) -> dict[str, Any]:
    """Load `corpus` into the principal's tenant, else empty, and search it for every query.

    With `aliases`, that many queries of each FAQ become other wordings of it and are not asked, but at
    least one is left. Raises InvalidInput when a file or the tenant is not fit for this.
    """
    asked = await asyncio.to_thread(_read_queries, queries)
    wordings, asked = _set_aside(asked, aliases)
    loaded = await _load(database, embedder, principal, corpus, wordings)
    search = FaqSearch(database, embedder)
    outcomes = [await _ask(search, principal, query) for query in asked]
    sources = sorted({query.source for query in asked})
    times = [outcome.ms for outcome in outcomes] or [float("nan")]
    return {
        "suite": "retrieval",
        "n": len(outcomes),
        "by_source": {
            source: figures([outcome for outcome in outcomes if outcome.query.source == source])
            for source in sources
        },
        "overall": figures(outcomes),
        "timing": {
            "p50_ms": round(float(np.percentile(times, 50)), 3),
            "p95_ms": round(float(np.percentile(times, 95)), 3),
            "p99_ms": round(float(np.percentile(times, 99)), 3),
        },
        "ingest": loaded,
        "aliases": aliases,
        "definition_version": DEFINITION_VERSION,
        "evidence": {source: _evidence(outcomes, source) for source in sources},
    }


def figures(outcomes: list[Outcome]) -> dict[str, Any]:
    """Recall at 1 and 5 (is one of the right ones there?), reciprocal rank, and the mean share found in 10.

    The share is null where every query has one right answer: it would be recall by another name.
    """
    if not outcomes:
        return {"n": 0, "recall_at_1": None, "recall_at_5": None, "mrr_at_10": None, "recall_at_10": None}
    ranks = [_rank(outcome) for outcome in outcomes]
    several = any(len(outcome.query.gold) > 1 for outcome in outcomes)
    shares = [
        len(outcome.query.gold.intersection(outcome.found)) / len(outcome.query.gold) for outcome in outcomes
    ]
    return {
        "n": len(outcomes),
        "recall_at_1": round(fmean(rank <= 1 for rank in ranks), 4),
        "recall_at_5": round(fmean(rank <= 5 for rank in ranks), 4),
        "mrr_at_10": round(fmean(1 / rank for rank in ranks), 4),
        "recall_at_10": round(fmean(shares), 4) if several else None,
    }


def _evidence(outcomes: list[Outcome], source: str) -> dict[str, Any]:
    """Which queries found a right answer, by their number among all."""
    ranks = {str(at): _rank(found) for at, found in enumerate(outcomes, 1) if found.query.source == source}
    shares = {
        f"recall_at_{depth}": evidence("share", {item: float(rank <= depth) for item, rank in ranks.items()})
        for depth in (1, 5)
    }
    return {name: found.to_json() for name, found in shares.items()}


def _rank(outcome: Outcome) -> float:
    ranks = (rank for rank, found in enumerate(outcome.found, 1) if found in outcome.query.gold)
    return next(ranks, float("inf"))


async def _ask(search: FaqSearch, principal: Principal, query: Query) -> Outcome:
    started = time.perf_counter()
    found = await search.find(principal, query.text, limit=DEPTH)
    ms = (time.perf_counter() - started) * 1000
    if found.degraded:
        raise Unavailable("The search by vectors failed, so its quality cannot be measured; see the log.")
    return Outcome(query, tuple(passage.source_id for passage in found.passages), ms)


async def _load(
    database: Database,
    embedder: Embedder,
    principal: Principal,
    corpus: Path,
    wordings: dict[str, tuple[str, ...]],
) -> dict[str, Any]:
    started = time.perf_counter()
    rows = (
        replace(row, aliases=row.aliases + wordings.get(row.external_id, ()))
        if isinstance(row, FaqEntry)
        else row
        for row in load(corpus)
    )
    report = await ingest(database, embedder, principal, rows)
    seconds = time.perf_counter() - started
    good = report.seen - len(report.bad)
    async with database.tenant_tx(principal) as tx:
        if await faqs.count(tx) != good:
            raise InvalidInput("The tenant holds other FAQs than the corpus; measure in an empty one.")
    return {"faqs": good, "bad": len(report.bad), "faqs_per_second": round(good / seconds, 1)}


def _set_aside(queries: list[Query], aliases: int) -> tuple[dict[str, tuple[str, ...]], list[Query]]:
    """`aliases` queries of each FAQ by a hash of their words, and the queries that are left to ask."""
    by_faq: dict[str, list[Query]] = {}
    for query in sorted(queries, key=lambda query: hashlib.sha256(query.text.encode()).digest()):
        if len(query.gold) == 1:
            by_faq.setdefault(next(iter(query.gold)), []).append(query)
    taken = {faq: of_faq[: min(aliases, len(of_faq) - 1)] for faq, of_faq in by_faq.items()}
    aside = {query for of_faq in taken.values() for query in of_faq}
    wordings = {faq: tuple(query.text for query in of_faq) for faq, of_faq in taken.items()}
    return wordings, [query for query in queries if query not in aside]


def _read_queries(path: Path) -> list[Query]:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return list(_queries(content.splitlines(), path.stem))


def _queries(lines: Iterable[bytes], source: str) -> Iterable[Query]:
    for number, line in enumerate(lines, 1):
        try:
            row = orjson.loads(line)
            text = row["query"] if "query" in row else row["scenario"]
            gold = frozenset(row["faq_ids"] if "faq_ids" in row else row["doc_ids"])
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidInput(
                f"Line {number}: a query is {{query, faq_ids}} or {{scenario, doc_ids}}."
            ) from error
        yield Query(text, gold, row.get("source", source))
