"""The retrieval suite: what its figures mean, on a corpus small enough to check by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from desk.domain import Principal
from desk.errors import InvalidInput
from desk.models.embeddings import MiniLM
from desk.storage.pool import Database
from evals.suites.retrieval import Outcome, Query, evaluate_retrieval, figures

CORPUS: list[dict[str, Any]] = [
    {"id": "ship", "question": "How long does shipping take?", "answer": "Five days."},
    {"id": "back", "question": "What is your return policy?", "answer": "Thirty days."},
    {"id": "open", "question": "When are you open?", "answer": None},
]
QUERIES: list[dict[str, Any]] = [
    {"query": "shipping time", "faq_ids": ["ship"], "source": "easy"},
    {"query": "how long is shipping", "faq_ids": ["ship"], "source": "easy"},
    {"query": "what are your opening hours", "faq_ids": ["open"], "source": "easy"},
    {"query": "how long does shipping take", "faq_ids": ["back"], "source": "wrong"},
]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_figures_by_hand() -> None:
    def outcome(gold: set[str], *found: str) -> Outcome:
        return Outcome(Query("?", frozenset(gold), "s"), found, 1.0)

    single = figures([outcome({"a"}, "a", "b"), outcome({"b"}, "a", "b"), outcome({"c"}, "a", "b")])
    assert single == {
        "n": 3,
        "recall_at_1": 0.3333,
        "recall_at_5": 0.6667,
        "mrr_at_10": 0.5,
        "recall_at_10": None,
    }
    assert figures([outcome({"a", "z"}, "a", "b")])["recall_at_10"] == 0.5
    assert figures([])["recall_at_1"] is None


async def test_the_suite_loads_searches_and_reports_by_source(
    database: Database, embedder: MiniLM, admin: Principal, tmp_path: Path
) -> None:
    corpus, queries = write(tmp_path / "c.jsonl", CORPUS), write(tmp_path / "q.jsonl", QUERIES)
    report = await evaluate_retrieval(database, embedder, admin, corpus, queries)
    assert (report["suite"], report["n"], report["ingest"]["faqs"]) == ("retrieval", 4, 3)
    assert report["by_source"]["easy"]["recall_at_1"] == 1
    assert report["by_source"]["wrong"]["recall_at_1"] == 0
    assert report["overall"]["recall_at_1"] == 0.75
    with_aliases = await evaluate_retrieval(database, embedder, admin, corpus, queries, aliases=1)
    assert with_aliases["n"] == 3


async def test_documents_are_asked_by_scenario(
    database: Database, embedder: MiniLM, admin: Principal, tmp_path: Path
) -> None:
    corpus = write(tmp_path / "c.jsonl", [{"id": "d", "title": "Opening hours", "content": "Nine to five."}])
    queries = write(
        tmp_path / "q.jsonl", [{"scenario": "You want to know when they open.", "doc_ids": ["d", "e"]}]
    )
    report = await evaluate_retrieval(database, embedder, admin, corpus, queries)
    assert report["overall"]["recall_at_10"] == 0.5


async def test_unfit_queries_and_a_filled_tenant_are_refused(
    database: Database, embedder: MiniLM, admin: Principal, tmp_path: Path
) -> None:
    corpus, queries = write(tmp_path / "c.jsonl", CORPUS), write(tmp_path / "q.jsonl", [{"text": "?"}])
    with pytest.raises(InvalidInput, match="Line 1"):
        await evaluate_retrieval(database, embedder, admin, corpus, queries)
    await evaluate_retrieval(database, embedder, admin, corpus, write(tmp_path / "q.jsonl", QUERIES))
    fewer = write(tmp_path / "d.jsonl", CORPUS[:1])
    with pytest.raises(InvalidInput, match="empty one"):
        await evaluate_retrieval(database, embedder, admin, fewer, queries)
