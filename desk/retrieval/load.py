"""Reads FAQ files as their owners keep them; a bad row is reported with its line and never stops the rest."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TextIO

from desk.errors import InvalidInput
from desk.retrieval.outline import Section, read_html, read_markdown
from desk.storage.faqs import FaqEntry

MAX_ID = 200
MAX_QUESTION = 500
MAX_ANSWER = 8000
MAX_ALIASES = 50
# Postgres tells times in a zone of its own, and beside these years Python may have no year for what it tells.
FIRST_YEAR, LAST_YEAR = 2, 9998
Form = Literal["jsonl", "csv", "md", "html"]
_FORBIDDEN = re.compile("[\0\ud800-\udfff]")
# How a CSV says it.
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
# Fields go by other names in files of documents; these are read as FAQs too.
_QUESTION, _ANSWER = ("question", "title"), ("answer", "content", "text")


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was skipped: its line, counted from 1, why, and the file's name."""

    line: int
    why: str
    file: str = ""

    @property
    def where(self) -> str:
        """The place, to be shown."""
        return f"{self.file}, line {self.line}" if self.file else f"line {self.line}"


class _Refused(ValueError):
    """Why a row is no FAQ."""


_Row = tuple[int, dict[str, Any]]
_Reader = Callable[[TextIO], Iterator[_Row | BadRow]]


def load(path: Path) -> Iterator[FaqEntry | BadRow]:
    """The FAQs of a `.jsonl`, `.csv`, `.md` or `.html` file, also gzipped (`.jsonl.gz`), and its bad rows.

    JSONL holds `{id, question, answer, category?, language?, aliases?, draft?, publish_at?, expires_at?}`;
    a CSV's header names question, answer and, if it likes, the others, with `|` between aliases. In Markdown
    and HTML a heading is the question and the text below it the answer. Without an id, the question makes
    one. Raises InvalidInput when the file as a whole cannot be read so.
    """
    suffix = (path.suffixes[-2:] if path.suffix == ".gz" else path.suffixes[-1:] or [""])[0].lower()
    reader = _READERS.get(suffix)
    if reader is None:
        raise InvalidInput(f"{path}: the name must end in {', '.join(_READERS)}, or one of these and .gz.")
    for judged in _judged(_rows(path, reader)):
        yield replace(judged, file=path.name) if isinstance(judged, BadRow) else judged


def load_text(form: Form, content: str) -> Iterator[FaqEntry | BadRow]:
    """The same of a text in one of the forms that files have."""
    return _judged(_READERS[f".{form}"](io.StringIO(content)))


def _judged(rows: Iterable[_Row | BadRow]) -> Iterator[FaqEntry | BadRow]:
    seen: dict[str, int] = {}
    for row in rows:
        yield row if isinstance(row, BadRow) else _judge(*row, seen)


def _rows(path: Path, reader: _Reader) -> Iterator[_Row | BadRow]:
    line = 0
    try:
        with _open(path) as file:
            for row in reader(file):
                line = row.line if isinstance(row, BadRow) else row[0]
                yield row
    except (EOFError, gzip.BadGzipFile, zlib.error):
        yield BadRow(line + 1, "the gzip file is damaged from here on")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from error
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error.detail}") from error


def _open(path: Path) -> TextIO:
    """Text with bytes that are not UTF-8 as lone surrogates, so that `_text` can refuse them by row."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", errors="surrogateescape", newline="")
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def _judge(line: int, fields: dict[str, Any], seen: dict[str, int]) -> FaqEntry | BadRow:
    try:
        entry = _entry(fields)
    except _Refused as error:
        return BadRow(line, str(error))
    if entry.external_id in seen:
        return BadRow(line, f"its id stands in line {seen[entry.external_id]} already")
    seen[entry.external_id] = line
    return entry


def _entry(fields: dict[str, Any]) -> FaqEntry:
    question = _text(fields, _QUESTION, MAX_QUESTION)
    if not question:
        raise _Refused("it has no question")
    publish_at, expires_at = _time(fields, "publish_at"), _time(fields, "expires_at")
    if publish_at and expires_at and expires_at <= publish_at:
        raise _Refused("expires_at is not after publish_at")
    return FaqEntry(
        external_id=_text(fields, ("id",), MAX_ID) or id_of(question),
        question=question,
        answer=_text(fields, _ANSWER, MAX_ANSWER),
        category=_text(fields, ("category",), MAX_ID) or None,
        language=_text(fields, ("language",), 35) or "en",
        aliases=_aliases(fields.get("aliases") or []),
        draft=_flag(fields, "draft"),
        publish_at=publish_at,
        expires_at=expires_at,
    )


def _aliases(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = value.split("|")
    if not isinstance(value, list):
        raise _Refused("aliases is not a list")
    if len(value) > MAX_ALIASES:
        raise _Refused(f"it has {len(value)} aliases; {MAX_ALIASES} are allowed")
    texts = (_text({"alias": alias}, ("alias",), MAX_QUESTION) for alias in value)
    return tuple(dict.fromkeys(filter(None, texts)))


def _flag(fields: dict[str, Any], name: str) -> bool:
    value = fields.get(name)
    if isinstance(value, bool):
        return value
    said = str(value or "false").strip().lower()
    if said not in _FLAGS:
        raise _Refused(f"{name} is neither true nor false")
    return _FLAGS[said]


def _time(fields: dict[str, Any], name: str) -> datetime | None:
    """A time with its zone, as ISO 8601 writes it; UTC where it names none."""
    text = _text(fields, (name,), 40)
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise _Refused(f"{name} is no time such as 2026-12-24T18:00:00Z") from error
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise _Refused(f"{name} is not in the years {FIRST_YEAR} to {LAST_YEAR}")
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _text(fields: dict[str, Any], names: tuple[str, ...], most: int) -> str:
    """The first of the fields that is there, stripped; raises _Refused when it is not fit to be stored."""
    name = next((name for name in names if fields.get(name) is not None), names[0])
    value = fields.get(name)
    if isinstance(value, int) and name == "id":
        value = str(value)
    if value is not None and not isinstance(value, str):
        raise _Refused(f"{name} is not text")
    text = (value or "").strip()
    if _FORBIDDEN.search(text):
        raise _Refused(f"{name} holds a NUL" if "\0" in text else f"{name} is not UTF-8")
    if len(text) > most:
        raise _Refused(f"{name} has {len(text)} characters; {most} are allowed")
    return text


def id_of(question: str) -> str:
    """The id of a FAQ that came without one."""
    return "q-" + hashlib.blake2b(question.casefold().encode(), digest_size=8).hexdigest()


def _read_jsonl(file: TextIO) -> Iterator[_Row | BadRow]:
    for line, text in enumerate(file, 1):
        if not text.strip():
            continue
        try:
            fields = json.loads(text)
        except (ValueError, RecursionError):
            yield BadRow(line, "it is not JSON")
            continue
        yield (line, fields) if isinstance(fields, dict) else BadRow(line, "it is not a JSON object")


def _read_csv(file: TextIO) -> Iterator[_Row | BadRow]:
    head = file.readline()
    delimiter = max(",;\t", key=head.count)
    names = [name.strip().lower() for name in next(csv.reader([head], delimiter=delimiter), [])]
    if not {"question", "answer"} <= set(names):
        raise InvalidInput("The first line of a CSV must name its columns, among them question and answer.")
    rows = csv.reader(file, delimiter=delimiter)
    while True:
        line = rows.line_num + 2
        try:
            values = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield BadRow(line, f"it is not CSV: {error}")
            continue
        if len(values) > len(names):
            yield BadRow(
                line,
                f"it has {len(values)} columns, the header {len(names)}; quote text that holds the separator",
            )
        elif values:
            yield line, dict(zip(names, values, strict=False))


def _outlined(read: Callable[[Iterable[str]], Iterator[Section]]) -> _Reader:
    """A reader of sections: a heading with nothing below but deeper headings is their category."""

    def rows(file: TextIO) -> Iterator[_Row | BadRow]:
        category: Section | None = None
        sections = [section for section in read(file) if section.level > 1]
        for section, after in zip(sections, [*sections[1:], None], strict=False):
            if category and section.level <= category.level:
                category = None
            if section.text:
                named = category.heading if category else None
                yield section.line, {"question": section.heading, "answer": section.text, "category": named}
            elif after and after.level > section.level:
                category = section
            else:
                yield BadRow(section.line, "no answer stands below this heading")

    return rows


_READERS: dict[str, _Reader] = {
    ".jsonl": _read_jsonl,
    ".csv": _read_csv,
    ".md": _outlined(read_markdown),
    ".html": _outlined(read_html),
}
