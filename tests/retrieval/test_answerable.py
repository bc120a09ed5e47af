"""The answerable suite: what its figures mean, on a knowledge small enough to check by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from desk.domain import Principal
from desk.errors import InvalidInput
from desk.models.embeddings import MiniLM
from desk.retrieval.ingest import ingest
from desk.retrieval.search import FaqSearch
from desk.storage.pool import Database
from evals.suites.answerable import evaluate_answerable, read_passages

PASSAGES: list[dict[str, Any]] = [
    {"id": "ship", "title": "How long does shipping take?", "text": "Five days."},
    {"id": "back", "title": None, "text": "\n\nWhat is your return policy?\nYou have thirty days."},
]


def task(number: int, answerability: str, gold: list[str], *said: str) -> dict[str, Any]:
    turns = [{"role": "user", "text": text} for text in said]
    return {"id": str(number), "turns": turns, "answerability": answerability, "gold_passage_ids": gold}


TASKS = [
    task(1, "answerable", ["ship"], "How long does shipping take?"),
    task(2, "answerable", ["back"], "Hello", "what is your return policy"),
    task(3, "unanswerable", [], "Who won the cup in 1954?"),
    task(4, "partial", ["ship"], "How long does shipping take by sea, and what does it cost?"),
]


async def test_scores_of_what_is_known_stand_above_those_of_what_is_not(
    database: Database, embedder: MiniLM, admin: Principal, tmp_path: Path
) -> None:
    path = tmp_path / "passages.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in PASSAGES))
    read = read_passages(path)
    assert [row.question for row in read] == [PASSAGES[0]["title"], "What is your return policy?"]
    await ingest(database, embedder, admin, read)
    search = FaqSearch(database, embedder)
    report = await evaluate_answerable(search, admin, TASKS)
    assert report["by_source"]["rag_multiturn"] == {
        "n": 3,
        "auroc": 1.0,
        "right_first": 1.0,
        "answerable_answered": 1.0,
        "unanswerable_declined": 1.0,
    }
    assert report["intervals"]["rag_multiturn"]["answerable_answered"] == [0.3424, 1.0]
    assert report["intervals"]["rag_multiturn"]["auroc"] == [1.0, 1.0]
    swapped = [{**TASKS[0], "answerability": "unanswerable"}, {**TASKS[2], "answerability": "answerable"}]
    report = await evaluate_answerable(search, admin, swapped)
    assert report["by_source"]["rag_multiturn"]["auroc"] == 0
    assert report["by_source"]["rag_multiturn"]["answerable_answered"] == 0.0
    assert report["by_source"]["rag_multiturn"]["unanswerable_declined"] == 0.0
    with pytest.raises(InvalidInput, match="unanswerable"):
        await evaluate_answerable(search, admin, TASKS[:2])
