"""The gate's page holds every figure, the worst first, loads nothing and takes no text for markup."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

from evals.evidence import evidence
from evals.exact import sign
from evals.gate import Goal, Verdict, state_of
from evals.gate_page import MOST_CASES, to_html
from evals.interval_charts import LOSSES, SHARES, interval_line
from evals.intervals import interval_of, wilson
from evals.judgement import Failure, Judgement
from evals.regression import Regression, settle
from evals.self_check import SelfCheck


def verdict(figure: str, good: int, *, suite: str = "bookshop") -> Verdict:
    """A share of 100 with the goal 0.8."""
    interval = interval_of(evidence("share", {str(at): float(at < good) for at in range(100)}))
    assert interval is not None
    goal = Goal("s", figure, 0.8)
    return Verdict(suite, goal, state_of(interval, goal), good / 100, interval)


def lost(figure: str, rows: int) -> Regression:
    """So many of 100 rows lost."""
    goal, chance = Goal("s", figure, 0.8), sign(rows, 0)
    drop = wilson(rows, 100)
    [one] = settle([Regression("pii", goal, 1.0, 1 - rows / 100, drop, 100, chance, 1.0, "INCONCLUSIVE")])
    return one


def failure(case: str, *failed: str, said: str = "hello") -> Failure:
    """A case that failed by these scorers."""
    got: dict[str, Any] = {
        "route": "faq",
        "intent": None,
        "language": "en",
        "text": "<script>alert(1)</script>",
    }
    return Failure("bookshop", {"case": case, "said": said, "failed": list(failed), "got": got})


JUDGEMENT = Judgement(
    (verdict("fine", 95), verdict("doubtful", 82), verdict("bad", 40), verdict("good", 99, suite="pii")),
    (lost("kept", 0), lost("gone", 40)),
    SelfCheck(500, 6, 1),
    (failure("one", "facts"), failure("three", "facts", "route", "citations", said="a < b & c")),
    12.0,
)


def test_the_worst_comes_first() -> None:
    page = to_html(JUDGEMENT)
    assert "Red: 2 certainly missed" in page
    named = re.findall(r'<td class="name">(\w+)', page)
    assert named == ["bad", "doubtful", "fine", "good", "gone", "kept"]
    assert re.findall(r"<td>(one|three)<br>", page) == ["three", "one"]
    assert "500 gates of this tree beside itself" in page


def test_it_loads_nothing_and_escapes_all() -> None:
    page = to_html(JUDGEMENT)
    assert not re.findall(r"""(?:src|href)=|url\(|@import|<script|<link""", page)
    assert "&lt;script&gt;alert(1)" in page
    assert "a &lt; b &amp; c" in page
    assert page.count("<svg") == 1 + 3 + 6, "the sum, a scale a card, a line a figure"


def test_what_was_not_judged_is_folded_away_and_many_cases_are_counted() -> None:
    skipped = Verdict("routing", Goal("s", "x", 0.9), "SKIPPED", why="no file")
    many = tuple(failure(str(at), "facts") for at in range(MOST_CASES + 5))
    page = to_html(Judgement((skipped,), failures=many))
    assert "1 goals were not judged" in page
    assert "and 5 more" in page
    assert "Not red" in page


def test_a_line_is_drawn_where_its_numbers_are() -> None:
    drawn = ElementTree.fromstring(
        interval_line(SHARES, 0.5, (0.25, 1.0), goal=0.75, worse_above=False, told="x")
    )
    span = next(one for one in drawn if one.get("class") == "span")
    assert (float(span.get("x1", 0)), float(span.get("x2", 0))) == (SHARES.at(0.25), SHARES.at(1.0))
    ground = next(one for one in drawn if one.get("class") == "worse")
    assert float(ground.get("x", 0)) + float(ground.get("width", 0)) == SHARES.at(0.75)
    beyond = ElementTree.fromstring(
        interval_line(LOSSES, 0.7, (0.5, 0.9), goal=0.05, worse_above=True, told="x")
    )
    assert [one.tag for one in beyond if one.get("class") == "dot"] == ["path"], "an arrow, no dot"
