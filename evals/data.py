"""Reads data sets: JSON lines, gzipped by suffix, each row checked, each error with its line."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from desk.errors import InvalidInput

OWN = Path(__file__).parent / "datasets"

Row = dict[str, Any]
Shape = Mapping[str, type]

EXAMPLE: Shape = {"text": str, "intent": str, "source": str, "oos": bool}
LABELLED: Shape = {"id": str, "text": str, "spans": list, "source": str}
MESSAGE: Shape = {"id": str, "text": str, "label": int, "source": str, "kind": str, "channel": str}
SPAN: Shape = {"start": int, "end": int, "type": str}


def read_rows(path: Path, shape: Shape) -> list[Row]:
    """The rows of a `.jsonl` or `.jsonl.gz` file; every key of `shape` is there and has its type.

    Raises InvalidInput with the file, the line (from 1) and what is wrong.
    """
    rows = []
    for number, line in enumerate(_content(path).splitlines(), 1):
        if line.strip():
            rows.append(_row(line, shape, f"{path.name}, line {number}"))
    if not rows:
        raise InvalidInput(f"{path.name}: there is no row in this file.")
    return rows


def read_labelled(path: Path) -> list[Row]:
    """Rows of `{id, text, spans: [{start, end, type}], source}`, every span inside its text."""
    rows = read_rows(path, LABELLED)
    for row in rows:
        for span in row["spans"]:
            _check_span(span, row, path)
    return rows


def _check_span(span: Any, row: Row, path: Path) -> None:
    where = f"{path.name}, row {row['id']}"
    if not isinstance(span, dict):
        raise InvalidInput(f"{where}: a span is {{start, end, type}}.")
    _check(span, SPAN, where)
    if not 0 <= span["start"] < span["end"] <= len(row["text"]):
        raise InvalidInput(f"{where}: the span {span['start']}-{span['end']} is not inside the text.")


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except OSError as error:
        raise InvalidInput(f"{path}: it cannot be read ({error.strerror or 'not a gzip file'}).") from error
    except (EOFError, zlib.error) as error:
        raise InvalidInput(f"{path}: the gzip file is damaged; fetch it again.") from error


def _row(line: bytes, shape: Shape, where: str) -> Row:
    try:
        row = orjson.loads(line)
    except ValueError as error:
        raise InvalidInput(f"{where}: it is not JSON ({error}).") from error
    if not isinstance(row, dict):
        raise InvalidInput(f"{where}: it is not a JSON object.")
    _check(row, shape, where)
    return row


def _check(row: Row, shape: Shape, where: str) -> None:
    for key, kind in shape.items():
        if not isinstance(row.get(key), kind):
            raise InvalidInput(f"{where}: `{key}` must be there as {kind.__name__}.")
