"""Data sets are read whole or refused with the line that is wrong."""

from __future__ import annotations

import gzip
from pathlib import Path

import orjson
import pytest

from desk.errors import InvalidInput
from evals.data import EXAMPLE, LABELLED, OWN, read_labelled, read_rows

ROW = {"text": "hello", "intent": "greeting", "source": "shop", "oos": False}


def test_gzip_is_told_by_the_suffix(tmp_path: Path) -> None:
    line = orjson.dumps(ROW) + b"\n"
    (tmp_path / "rows.jsonl").write_bytes(line * 2)
    (tmp_path / "rows.jsonl.gz").write_bytes(gzip.compress(line * 2))
    assert read_rows(tmp_path / "rows.jsonl", EXAMPLE) == [ROW, ROW]
    assert read_rows(tmp_path / "rows.jsonl.gz", EXAMPLE) == [ROW, ROW]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"{", "line 3: it is not JSON"),
        (b"[1]", "line 3: it is not a JSON object"),
        (b'{"text": "x"}', "line 3: `intent` must be there as str"),
        (orjson.dumps(ROW | {"oos": "no"}), "line 3: `oos` must be there as bool"),
    ],
)
def test_a_bad_row_is_named_by_its_line(tmp_path: Path, line: bytes, complaint: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(orjson.dumps(ROW) + b"\n\n" + line)
    with pytest.raises(InvalidInput, match=complaint):
        read_rows(path, EXAMPLE)


def test_files_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    (tmp_path / "torn.jsonl.gz").write_bytes(gzip.compress(orjson.dumps(ROW) * 50)[:-12])
    (tmp_path / "plain.jsonl.gz").write_bytes(orjson.dumps(ROW))
    (tmp_path / "empty.jsonl").write_bytes(b"\n")
    for name, complaint in {
        "torn.jsonl.gz": "damaged",
        "plain.jsonl.gz": "not a gzip file",
        "empty.jsonl": "no row",
        "absent.jsonl": "No such file",
    }.items():
        with pytest.raises(InvalidInput, match=complaint):
            read_rows(tmp_path / name, EXAMPLE)


@pytest.mark.parametrize(
    "span", [{"start": 2, "end": 9, "type": "EMAIL"}, {"start": 1, "end": 1, "type": "X"}]
)
def test_a_span_outside_its_text_is_refused(tmp_path: Path, span: dict[str, object]) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(orjson.dumps({"id": "a", "text": "hello", "source": "s", "spans": [span]}))
    with pytest.raises(InvalidInput, match="row a: the span"):
        read_labelled(path)


@pytest.mark.parametrize("name", ["pii.jsonl", "entities.jsonl"])
def test_our_labels_are_where_the_text_says(name: str) -> None:
    rows = read_rows(OWN / name, LABELLED)
    assert len({row["id"] for row in rows}) == len(rows) >= 60
    assert {row["source"] for row in rows} == {"deskgraph_own"}
    for row in read_labelled(OWN / name):
        for span in row["spans"]:
            assert row["text"][span["start"] : span["end"]] == span["text"]


def test_our_queries_name_faqs_of_our_corpus() -> None:
    known = {row["id"] for row in read_rows(OWN / "retrieval_corpus.jsonl", {"id": str, "question": str})}
    queries = read_rows(OWN / "retrieval_queries.jsonl", {"query": str, "faq_ids": list, "source": str})
    assert len(queries) >= 60
    assert {faq for row in queries for faq in row["faq_ids"]} == known


def test_our_questions_name_documents_that_there_are() -> None:
    documents = read_rows(OWN / "faq_answers_docs.jsonl", {"id": str, "title": str, "content": str})
    questions = read_rows(OWN / "faq_answers.jsonl", {"id": str, "question": str, "doc_ids": list})
    assert {gold for row in questions for gold in row["doc_ids"]} == {row["id"] for row in documents}
    assert sum(bool(row["doc_ids"]) for row in questions) >= 120
    assert sum(not row["doc_ids"] for row in questions) >= 50
    assert len({row["question"] for row in questions}) == len(questions)


def test_our_examples_hold_enough_of_every_intent() -> None:
    rows = read_rows(OWN / "routing.jsonl", EXAMPLE)
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["intent"]] = counts.get(row["intent"], 0) + 1
        assert row["oos"] == (row["intent"] == "oos")
    assert min(counts.values()) >= 10
    assert len({row["text"] for row in rows}) == len(rows)
