"""The `faq_answers` suite: documents in, questions through the whole graph, nothing left behind."""

from __future__ import annotations

import gzip
from pathlib import Path

import orjson
import pytest

from desk.errors import InvalidInput
from evals.data import Row
from evals.suites.faq_answers import read_questions
from tests.evals.test_eval_command import on_stores, run

__all__ = ["on_stores"]

DOCUMENTS: tuple[Row, ...] = (
    {
        "id": "ladders",
        "title": "Ladders",
        "content": "## Rent\n\nA ladder is lent for two days.\n\nBring it dry.",
    },
    {"id": 7, "title": "Paint", "content": "We mix every colour of paint while you wait."},
    {"id": "empty"},
)
QUESTIONS: tuple[Row, ...] = (
    {"id": "a", "question": "Do you lend ladders for two days?", "doc_ids": ["ladders"], "source": "shop"},
    {"id": "b", "question": "Can you mix a colour of paint for me?", "doc_ids": ["7"], "source": "shop"},
    {"id": "c", "question": "Which colours of paint do you mix?", "doc_ids": ["ladders"], "source": "odd"},
    {"id": "d", "question": "What is the capital of Peru?", "doc_ids": [], "source": "shop"},
)


def written(path: Path, rows: tuple[Row, ...]) -> Path:
    content = b"\n".join(map(orjson.dumps, rows))
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.usefixtures("on_stores")
def test_questions_are_answered_from_the_documents_that_are_given(tmp_path: Path) -> None:
    documents = written(tmp_path / "documents.jsonl.gz", DOCUMENTS)
    questions = written(tmp_path / "questions.jsonl.gz", QUESTIONS)
    told = orjson.loads(run("run", "faq_answers", "--corpus", documents, "--dataset", questions).stdout)
    shop, odd = told["by_source"]["shop"], told["by_source"]["odd"]
    assert (shop["right_document_at_1"], shop["answered"], shop["abstained"]) == (1.0, 1.0, 1.0)
    assert (odd["right_document_at_1"], odd["answered"], odd["abstained"]) == (0.0, 1.0, None)
    assert told["overall"]["n"] == 4
    assert told["overall"]["p95_ms"] > 0
    assert told["intervals"]["shop"]["right_document_at_1"][1] == 1.0
    assert told["ingest"]["documents"] == 2
    assert [row["why"] for row in told["ingest"]["skipped"]] == ["it has no question"]
    assert [(row["question"], row["cited"]) for row in told["failed"]] == [("c", ["7"])]


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [(({"question": "why?"},), "line 1: `doc_ids` must be there"), ((), "no row in this file")],
)
def test_questions_that_are_none_are_refused(tmp_path: Path, rows: tuple[Row, ...], complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        read_questions(written(tmp_path / "questions.jsonl", rows))


def test_rows_without_id_and_source_go_by_their_number_and_file(tmp_path: Path) -> None:
    row: Row = {"question": "why?", "doc_ids": [3]}
    [question] = read_questions(written(tmp_path / "mine.jsonl.gz", (row,)))
    assert (question.id, question.source, question.gold) == ("1", "mine", frozenset({"3"}))


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="faq_answers needs --corpus"):
        run("run", "faq_answers", "--dataset", written(tmp_path / "questions.jsonl", QUESTIONS))
