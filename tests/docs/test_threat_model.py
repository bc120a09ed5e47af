"""Each row of the threat model's lists names a test that runs, or says that nothing holds there."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.architecture.files import ROOT

PAGE = ROOT / "docs" / "threat-model.md"
# What there is to say of a risk without a test: it is open, or there is nothing that could be attacked.
_UNPROVEN = ("**open**", "not used")
_LINK = re.compile(r"\[(test_\w+)\]\((\.\./tests/[\w/]+\.py)\)")


class Row(NamedTuple):
    """A row's first word, such as V8.2.1 or API3, and the whole of it."""

    name: str
    text: str


def rows(heading: str) -> list[Row]:
    """The rows of the table under a heading."""
    section = PAGE.read_text().partition(f"\n## {heading}")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [Row(line.split()[1].rstrip(","), line) for line in lines[2:]]


ASVS, API, LLM = rows("OWASP ASVS"), rows("OWASP API"), rows("OWASP Top 10 for LLM")
EVERY = [*ASVS, *API, *LLM]


def running_tests(path: Path) -> set[str]:
    """The tests of a file, without those that are not run each time."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            marks = {ast.unparse(mark) for mark in node.decorator_list}
            if not any("mark.extras" in mark or "mark.skip" in mark for mark in marks):
                found.add(node.name)
    return found


def test_no_chapter_and_no_risk_is_left_out() -> None:
    assert {row.name.partition(".")[0] for row in ASVS} == {f"V{number}" for number in range(1, 18)}
    assert [row.name for row in API] == [f"API{number}" for number in range(1, 11)]
    assert [row.name for row in LLM] == [f"LLM{number:02}" for number in range(1, 11)]


@pytest.mark.parametrize("row", EVERY, ids=[row.text.split("|")[1].strip() for row in EVERY])
def test_a_row_names_tests_that_run_or_says_that_nothing_holds(row: Row) -> None:
    named = _LINK.findall(row.text)
    assert named or any(said in row.text for said in _UNPROVEN)
    assert row.text.count("](") == len(named), "a proof is a link to one test in tests/"
    for test, path in named:
        assert test in running_tests(PAGE.parent / path), f"{test} does not run in {path}"
