"""What was good once is kept, and what got worse since then fails the gate."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import orjson
import pytest

from desk.errors import Misconfigured
from evals.baselines import FOLDER, read_baseline, write_baseline
from evals.evidence import evidence
from evals.gate import Goal, Run, read_gates
from evals.judgement import Judgement
from evals.registry import Inputs
from evals.regression import regressions
from evals.report import build_report
from evals.verdict_files import to_junit, to_markdown

RUN = Run("bookshop", Inputs(), (Goal("s", "facts", 0.5), Goal("s", "not there", 0.5)))


def report(right: int, of: int) -> dict[str, Any]:
    """A report of `of` rows, of which the first `right` are right; one of its figures is no goal."""
    rows = {str(at): at < right for at in range(of)}
    found = {name: evidence("share", rows) for name in ("facts", "other")}
    figures = {"n": of, **{name: figure.figure() for name, figure in found.items()}}
    return build_report("bookshop", 1, {"s": figures}, figures, [1.0], {"s": found})


def test_a_baseline_keeps_the_rows_of_its_goals_alone(tmp_path: Path) -> None:
    assert read_baseline(RUN, tmp_path) is None
    write_baseline(RUN, report(9, 10), tmp_path)
    kept = read_baseline(RUN, tmp_path)
    assert kept is not None
    assert kept["evidence"]["s"].keys() == {"facts"}
    assert kept["by_source"]["s"]["other"] == 0.9


def test_what_got_worse_fails_and_what_did_not_passes(tmp_path: Path) -> None:
    write_baseline(RUN, report(200, 200), tmp_path)
    before = read_baseline(RUN, tmp_path)
    assert before is not None
    states = [
        [found.state for found in regressions(before, after, RUN.goals)]
        for after in (report(200, 200), report(170, 200))
    ]
    assert states == [["PASS"], ["FAIL"]]


def test_a_broken_baseline_says_how_to_mend_it(tmp_path: Path) -> None:
    (tmp_path / "bookshop.json").write_text("{")
    with pytest.raises(Misconfigured, match="desk eval baseline"):
        read_baseline(RUN, tmp_path)


def test_every_run_of_our_own_data_has_a_baseline_that_fits_it() -> None:
    for run in read_gates():
        if not run.third_party:
            kept = orjson.loads((FOLDER / f"{run.suite}.json").read_bytes())
            assert kept["suite"] == run.suite
            assert {goal.source for goal in run.goals} <= kept["by_source"].keys()


def test_the_files_for_readers_and_for_ci_tell_of_it() -> None:
    [found] = regressions(report(200, 200), report(150, 200), RUN.goals)
    assert "| bookshop | s | facts | 200 | 1.0000 | 0.7500 |" in to_markdown(Judgement((), (found,)))
    suite = ElementTree.fromstring(to_junit(Judgement((), (found,))))
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    assert suite.find("testcase/failure") is not None
