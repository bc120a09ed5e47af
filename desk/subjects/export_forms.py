"""The two forms of an export, written as it comes: JSON for machines, a page for people."""

from __future__ import annotations

import html
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Literal

import orjson

from desk.subjects.export import SECTIONS, Piece, Section

Form = Literal["json", "html"]
MEDIA_TYPES: dict[Form, str] = {"json": "application/json", "html": "text/html; charset=utf-8"}
FORMAT = "deskgraph.subject/1"

_TITLES: dict[Section, str] = {
    "subject": "Who",
    "consents": "Consents",
    "conversations": "Conversations",
    "audit": "What was noted about it",
}
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}td,th{border:1px solid #bbb;padding:.3rem .5rem;"
    "text-align:left;vertical-align:top;overflow-wrap:anywhere}th{width:10rem}"
    ".said{white-space:pre-wrap}"
)


async def written(form: Form, pieces: AsyncIterator[Piece], *, tenant: str) -> AsyncIterator[bytes]:
    """The export in this form; one that broke off lacks its end: JSON does not parse, a page says no more."""
    async for part in (_as_json if form == "json" else _as_page)(pieces, tenant):
        yield part


async def _as_json(pieces: AsyncIterator[Piece], tenant: str) -> AsyncIterator[bytes]:
    """`subject` is one object, the other sections are lists; a section that is empty is an empty list."""
    head = orjson.dumps({"format": FORMAT, "tenant": tenant, "exported_at": datetime.now(UTC)})
    yield head[:-1]
    begun = 0
    fresh = True
    async for piece in pieces:
        place = SECTIONS.index(piece.section)
        while begun <= place:
            yield _opening(begun)
            begun, fresh = begun + 1, True
        if not fresh:
            yield b","
        fresh = False
        yield orjson.dumps(piece.record)
    while begun < len(SECTIONS):
        yield _opening(begun)
        begun += 1
    yield b"]}\n"


def _opening(place: int) -> bytes:
    close = b"" if place <= 1 else b"]"
    bracket = b"" if place == 0 else b"["
    return close + b',"' + SECTIONS[place].encode() + b'":' + bracket


async def _as_page(pieces: AsyncIterator[Piece], tenant: str) -> AsyncIterator[bytes]:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    yield (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Export</title><style>{_STYLE}</style>'
        f"<h1>What {html.escape(tenant)} keeps of you</h1><p>Made on {now}.</p>\n"
    ).encode()
    section = None
    async for piece in pieces:
        if piece.section != section:
            section = piece.section
            yield f"<h2>{_TITLES[section]}</h2>\n".encode()
        yield _article(piece).encode()
    yield b"<p>That is all.</p></html>\n"


def _article(piece: Piece) -> str:
    if piece.section != "conversations":
        return _table(piece.record)
    record = dict(piece.record)
    said = record.pop("messages")
    lists = [(name, record.pop(name)) for name in ("turns", "effects", "handoffs")]
    title = record["title"] or f"Conversation of {record['created_at'][:10]}"
    lines = "".join(
        f"<tr><th>{html.escape(one['role'])}<br><small>{html.escape(one['created_at'][:16])}</small></th>"
        f'<td class="said">{html.escape(one["text"] or "")}</td></tr>'
        for one in said
    )
    more = "".join(
        f"<details><summary>{name.capitalize()}: {len(rows)}</summary>{''.join(map(_table, rows))}</details>"
        for name, rows in lists
        if rows
    )
    return f"<h3>{html.escape(title)}</h3>{_table(record)}<table>{lines}</table>{more}\n"


def _table(record: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(_spoken(value))}</td></tr>"
        for name, value in record.items()
        if value is not None
    )
    return f"<table>{rows}</table>\n"


def _spoken(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
