"""The files themselves: complete, small, free of what the content security policy forbids."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import pytest

from desk.domain import HandoffReason
from web import ASSETS, FILES

SOURCES = sorted(file for file in ASSETS.rglob("*") if file.suffix in {".js", ".css", ".html"})
FORBIDDEN = {
    "an address elsewhere": r"https?://(?!html\.spec\.whatwg\.org|www\.w3\.org/2000/svg|\(|\[)[a-z]",
    "parsing of HTML": r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser",
    "code from text": r"\beval\(|new Function\(",
    "an inline style": r"<style|\sstyle=",
    "an inline handler": r"<[a-z]+[^>]*\son[a-z]+=",
    "an inline script": r"<script(?![^>]*\ssrc=)",
}


def name(file: Path) -> str:
    return str(file.relative_to(ASSETS))


def test_every_file_has_an_address() -> None:
    assert sorted(FILES.values()) == SOURCES
    assert {"/widget.js", "/demo", "/playground"} <= FILES.keys()


@pytest.mark.parametrize("file", SOURCES, ids=name)
def test_a_file_keeps_the_policy_and_its_size(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert [what for what, pattern in FORBIDDEN.items() if re.search(pattern, text)] == []
    assert text.count("\n") <= 300


@pytest.mark.parametrize("file", SOURCES, ids=name)
def test_what_a_file_asks_for_is_served(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    here = next(path for path, served in FILES.items() if served == file)
    folder = here.rsplit("/", 1)[0] + "/"
    wanted = re.findall(r'(?:from|src=|href=) ?"([^"#:]+)"', text)
    addresses = {folder + path.removeprefix("./") if path.startswith("./") else path for path in wanted}
    assert {address.partition("?")[0] for address in addresses} - FILES.keys() == set()


def test_the_console_has_words_for_every_reason() -> None:
    script = (ASSETS / "console" / "queue.js").read_text(encoding="utf-8")
    words = re.search(r"const REASONS = \{(.*?)\};", script, re.DOTALL)
    assert words is not None
    assert set(re.findall(r"^  (\w+):", words[1], re.MULTILINE)) == set(get_args(HandoffReason))


def test_the_demo_embeds_the_widget_by_two_lines() -> None:
    page = (ASSETS / "demo" / "index.html").read_text(encoding="utf-8")
    script, element = '<script src="/widget.js" defer></script>', '<deskgraph-chat title="Marginalia Books">'
    assert f"{script}\n  {element}</deskgraph-chat>" in page


def test_the_front_table_shows_books_of_the_catalogue_at_their_price() -> None:
    page = (ASSETS / "demo" / "index.html").read_text(encoding="utf-8")
    shown = re.findall(r"<h3>(.+)</h3><p>(.+) · (.+)</p>", page)
    lines = (ASSETS.parent / "server" / "demo" / "books.jsonl").read_text(encoding="utf-8").splitlines()
    catalogue = {
        (book["title"], ", ".join(book["authors"]), book["price"]) for book in map(json.loads, lines)
    }
    assert len(shown) == 8
    assert set(shown) - catalogue == set()
