"""The end-to-end cases are well-formed and speak of the demo as it is."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from desk.errors import InvalidInput
from evals.cases import read_cases
from evals.data import OWN
from server.demo.data import load_customers, load_faqs


def test_there_are_enough_cases_of_every_kind() -> None:
    cases = read_cases(OWN / "bookshop.jsonl")
    turns = [turn for case in cases for turn in case.turns]
    assert len(cases) >= 60
    assert len({case.id for case in cases}) == len(cases)
    assert sum(len(case.turns) > 1 for case in cases) >= 5
    assert {route for turn in turns for route in turn.expect.routes} == {
        "canned",
        "order",
        "product",
        "faq",
        "handoff",
        "fallback",
        "refused",
    }
    assert {turn.expect.language for turn in turns} >= {"en", "de", "fr", "es", "it", "nl", "pt"}


def test_what_they_cite_and_who_speaks_is_in_the_demo() -> None:
    cases = read_cases(OWN / "bookshop.jsonl")
    cited = {cited for case in cases for turn in case.turns for cited in turn.expect.citations or ()}
    assert cited <= {faq.id for faq in load_faqs()}
    assert {case.person for case in cases} - {None} <= {customer.email for customer in load_customers()}


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"id": "x", "source": "s", "turns": []}, "Case x: it has no turn"),
        ({"id": "x", "source": "s", "turns": ["hi"]}, "a turn is"),
        ({"id": "x", "source": "s", "turns": [{"say": "hi", "expect": {"rout": []}}]}, "'rout'"),
        ({"id": "x", "turns": [{"say": "hi"}]}, "`source` must be there"),
    ],
)
def test_a_bad_case_is_named(tmp_path: Path, row: dict[str, object], complaint: str) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_bytes(orjson.dumps(row))
    with pytest.raises(InvalidInput, match=complaint):
        read_cases(path)


def test_a_guest_is_somebody_nobody_vouches_for(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    turn = {"say": "hi", "expect": {"facts": ["a", ["b", "c"]]}}
    path.write_bytes(orjson.dumps({"id": "x", "source": "s", "as": None, "turns": [turn]}))
    [case] = read_cases(path)
    assert case.person is None
    assert case.turns[0].expect.facts == (("a",), ("b", "c"))
    assert case.turns[0].expect.tools is None
