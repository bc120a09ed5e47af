"""FAQ files as people send them: every format, and every way in which a row can be wrong."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desk.errors import InvalidInput
from desk.retrieval.load import MAX_ANSWER, MAX_QUESTION, BadRow, Form, load, load_text
from desk.storage.faqs import FaqEntry

QUICK = 0.1  # seconds; a quiet machine needs some hundredths


def read(folder: Path, name: str, content: str | bytes) -> list[FaqEntry | BadRow]:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(load(path))


def reasons(rows: list[FaqEntry | BadRow]) -> dict[int, str]:
    return {row.line: row.why for row in rows if isinstance(row, BadRow)}


def entries(rows: list[FaqEntry | BadRow]) -> list[FaqEntry]:
    return [row for row in rows if isinstance(row, FaqEntry)]


def test_jsonl_gives_entries_and_names_bad_lines(tmp_path: Path) -> None:
    lines = [
        b'\xef\xbb\xbf{"id": "a", "question": "How long?", "answer": "Five days.", "language": "de"}',
        b"not json",
        b'{"id": 7, "question": "Null answer?", "answer": null, "aliases": ["and so?"]}',
        b'{"id": "c", "question": "  "}',
        b'{"id": "d", "question": "caf\xe9?", "answer": "x"}',
        b'{"id": "e", "question": "nul\\u0000?", "answer": "x"}',
        b'{"id": "f", "question": "half \\ud83d?", "answer": "x"}',
        b'{"id": "a", "question": "Again?", "answer": "x"}',
        b"",
        b"[1, 2]",
        b'{"id": "g", "question": ["no"], "answer": "x"}',
        json.dumps({"id": "h", "question": "q" * (MAX_QUESTION + 1)}).encode(),
        json.dumps({"id": "i", "question": "long?", "answer": "a" * (MAX_ANSWER + 1)}).encode(),
        b"[" * 100_000,
    ]
    rows = read(tmp_path, "faqs.jsonl", b"\n".join(lines))
    assert entries(rows) == [
        FaqEntry("a", "How long?", "Five days.", language="de"),
        FaqEntry("7", "Null answer?", aliases=("and so?",)),
    ]
    assert reasons(rows) == {
        2: "it is not JSON",
        4: "it has no question",
        5: "question is not UTF-8",
        6: "question holds a NUL",
        7: "question is not UTF-8",
        8: "its id stands in line 1 already",
        10: "it is not a JSON object",
        11: "question is not text",
        12: "question has 501 characters; 500 are allowed",
        13: "answer has 8001 characters; 8000 are allowed",
        14: "it is not JSON",
    }
    assert isinstance(rows[1], BadRow)
    assert rows[1].where == "faqs.jsonl, line 2"


def test_documents_are_read_by_title_and_content(tmp_path: Path) -> None:
    rows = read(tmp_path, "docs.jsonl", '{"id": "d", "title": "Opening hours", "content": "Nine to five."}')
    assert rows == [FaqEntry("d", "Opening hours", "Nine to five.")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_is_read_by_its_header(tmp_path: Path, delimiter: str) -> None:
    header = delimiter.join(["Answer", "QUESTION", "id"])
    row = delimiter.join(['"Five days,\nor six; or\tseven."', '"How ""long""?"', "s"])
    bad = delimiter.join(["a", "b", "c", "d"])
    rows = read(tmp_path, "faqs.csv", f"{header}\r\n{row}\r\n{bad}\r\n\r\nx{delimiter}{delimiter}y\r\n")
    assert entries(rows) == [FaqEntry("s", 'How "long"?', "Five days,\nor six; or\tseven.")]
    assert reasons(rows) == {
        4: "it has 4 columns, the header 3; quote text that holds the separator",
        6: "it has no question",
    }


def test_without_an_id_the_question_makes_one_that_stays(tmp_path: Path) -> None:
    first = entries(read(tmp_path, "a.csv", "question,answer\nHow long?,Five days\n"))
    second = entries(read(tmp_path, "b.csv", "question,answer\nHow long?,Six days\nHow far?,Here\n"))
    assert first[0].external_id == second[0].external_id != second[1].external_id


def test_markdown_headings_are_questions(tmp_path: Path) -> None:
    page = (
        "# Help\nWelcome.\n## Shipping\n### How long?\nFive\ndays.\n\n"
        "```\n## no heading\n```\n## Returns? ##\nYes.\n## Empty\n"
    )
    rows = read(tmp_path, "faqs.md", page)
    assert [(row.question, row.answer, row.category) for row in entries(rows)] == [
        ("How long?", "Five\ndays.\n\n```\n## no heading\n```", "Shipping"),
        ("Returns?", "Yes.", None),
    ]
    assert reasons(rows) == {13: "no answer stands below this heading"}


def test_html_headings_and_details_are_questions(tmp_path: Path) -> None:
    page = """<html><head><style>h2 {}</style></head><body><h1>Help</h1>
    <h2>How <b>long</b>?</h2><p>Five&nbsp;days
    &amp; nights.</p><ul><li>one</li></ul><script>var no = "<h2>no</h2>";</script>
    <details><summary>Returns?</summary>Thirty days.</details><p>Footer</p></body></html>"""
    rows = read(tmp_path, "faqs.html", page)
    assert [(row.question, row.answer) for row in entries(rows)] == [
        ("How long?", "Five days & nights.\n\none"),
        ("Returns?", "Thirty days."),
    ]
    assert reasons(rows) == {}


def test_gzip_is_read_by_suffix_and_damage_is_reported(tmp_path: Path) -> None:
    packed = gzip.compress(b'{"question": "How long?", "answer": "Five days."}\n' * 1)
    assert len(entries(read(tmp_path, "a.jsonl.gz", packed))) == 1
    assert reasons(read(tmp_path, "b.jsonl.gz", packed[:-12])) == {1: "the gzip file is damaged from here on"}
    assert reasons(read(tmp_path, "c.jsonl.gz", b"plain")) == {1: "the gzip file is damaged from here on"}


def test_files_that_cannot_be_read_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"\.jsonl"):
        read(tmp_path, "faqs.pdf", "x")
    with pytest.raises(InvalidInput, match="question and answer"):
        read(tmp_path, "faqs.csv", "frage,antwort\n1,2\n")
    with pytest.raises(InvalidInput, match=r"missing\.md cannot be read: No such file"):
        list(load(tmp_path / "missing.md"))


# A heading with white space or signs inside, tags that never end, comments over many lines, pieces of a name.
SLOW_ONCE = [
    ("md", "# a", " ", 1_500),
    ("md", "# a ", "#", 12_000),
    ("html", "<h2>x</h2>", "<a ", 8_000),
    ("html", "<h2>x</h2><a ", "\n", 16_000),
    ("html", "<h2>", "a<b>", 60_000),
]


@pytest.mark.parametrize(("form", "head", "piece", "length"), SLOW_ONCE)
def test_no_text_holds_up_who_reads_it(form: Form, head: str, piece: str, length: int) -> None:
    def cpu_seconds(of: int) -> float:
        text = head + (piece * of)[:of] + "x\n"
        began = time.thread_time()
        assert len(list(load_text(form, text))) <= 1
        return time.thread_time() - began

    assert cpu_seconds(length) < QUICK or cpu_seconds(length) < 3 * cpu_seconds(length // 2)


def test_a_mark_that_html_does_not_know_is_a_comment() -> None:
    assert [row.why for row in load_text("html", "<h2>Who?<![x]></h2>") if isinstance(row, BadRow)] == [
        "no answer stands below this heading"
    ]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([".jsonl", ".csv", ".md", ".html", ".md.gz"]), st.binary(max_size=300))
def test_no_bytes_crash_the_reader(tmp_path: Path, suffix: str, content: bytes) -> None:
    head = b"question,answer\n" if suffix == ".csv" else b"<h2>" if suffix == ".html" else b""
    for row in read(tmp_path, "any" + suffix, head + content):
        if isinstance(row, FaqEntry):
            f"{row.external_id}{row.question}{row.answer}{row.category}{row.language}".encode()
            assert row.question.strip() == row.question != ""


def test_a_csv_says_wordings_and_times(tmp_path: Path) -> None:
    table = (
        b"question,answer,aliases,draft,publish_at,expires_at\n"
        b"Open?,Yes.,are you there|open now,yes,2026-12-24,2026-12-27T10:00:00+01:00\n"
        b"When?,Now.,,maybe,,\nWhen?,Now.,,,tomorrow,\nWhen?,Now.,,,2026-12-24,2026-12-23\n"
    )
    good, *bad = read(tmp_path, "faqs.csv", table)
    assert isinstance(good, FaqEntry)
    assert (good.aliases, good.draft) == (("are you there", "open now"), True)
    assert good.publish_at is not None
    assert good.publish_at.isoformat() == "2026-12-24T00:00:00+00:00"
    assert [(row.line, row.why.split()[0]) for row in bad if isinstance(row, BadRow)] == [
        (3, "draft"),
        (4, "publish_at"),
        (5, "expires_at"),
    ]
