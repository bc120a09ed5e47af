"""What got worse is told, what did not is not, and the promised shares of errors are held."""

from __future__ import annotations

from typing import Any

import pytest

from desk.errors import InvalidInput
from evals.evidence import evidence
from evals.gate import Goal
from evals.power import MOST_ROWS, Setting, simulate
from evals.regression import ALPHA, Regression, regressions, settle
from evals.report import build_report, without_evidence


def report(right: Any, *, version: int = 1) -> dict[str, Any]:
    """A report of rows that are right or not; its second figure is their mean."""
    rows = {str(at): float(one) for at, one in enumerate(right)}
    found = {"right": evidence("share", rows), "mean": evidence("mean", rows)}
    figures = {"n": len(rows), **{name: figure.figure() for name, figure in found.items()}}
    return build_report("pii", version, {"s": figures}, figures, [1.0], {"s": found})


def judged(before: Any, after: Any, figure: str = "right", *, at_most: bool = False) -> Regression:
    """The verdict on one figure."""
    [found] = regressions(report(before), report(after), [Goal("s", figure, 0.5, at_most)])
    return found


def test_what_is_the_same_passes_only_with_rows_enough() -> None:
    assert judged([True] * 200, [True] * 200).state == "PASS"
    assert judged([True] * 30, [True] * 30).state == "INCONCLUSIVE"


@pytest.mark.parametrize("figure", ["right", "mean"])
def test_a_great_loss_fails(figure: str) -> None:
    found = judged([True] * 100, [True] * 80 + [False] * 20, figure)
    assert found.state == "FAIL"
    assert found.p < ALPHA
    assert found.drop[0] < 0.2 < found.drop[1]
    assert judged([True] * 80 + [False] * 20, [True] * 100, figure).state == "PASS"


def test_without_rows_the_counts_are_judged() -> None:
    before, after = report([True] * 200), report([True] * 150 + [False] * 50)
    [found] = regressions(without_evidence(before), without_evidence(after), [Goal("s", "right", 0.5)])
    assert (found.state, found.rows) == ("FAIL", 200)
    assert found.p < 1e-9


def test_of_what_shall_be_low_more_is_worse() -> None:
    assert judged([False] * 100, [True] * 20 + [False] * 80, at_most=True).state == "FAIL"
    assert judged([True] * 20 + [False] * 80, [False] * 100, at_most=True).state == "PASS"


def test_an_older_suite_is_no_baseline() -> None:
    with pytest.raises(InvalidInput, match="desk eval baseline"):
        list(regressions(report([True], version=1), report([True], version=2), []))


def test_equal_things_fail_less_than_twice_in_a_hundred() -> None:
    assert simulate(Setting(300, churn=0.03, drop=0)).shares["FAIL"] < 0.02


@pytest.mark.parametrize(("rows", "churn"), [(250, 0.0), (650, 0.03)])
def test_a_drop_of_five_points_is_caught_nine_times_in_ten(rows: int, churn: float) -> None:
    told = simulate(Setting(rows, churn, drop=0.05))
    assert told.shares["FAIL"] >= 0.9
    assert told.shares["PASS"] <= 0.05


def test_one_may_look_after_every_row() -> None:
    equal = simulate(Setting(MOST_ROWS, churn=0.03, drop=0, method="row by row"))
    worse = simulate(Setting(MOST_ROWS, churn=0.03, drop=0.1, method="row by row"))
    assert equal.shares["FAIL"] < 0.02
    assert equal.shares["PASS"] >= 0.9
    assert worse.shares["FAIL"] >= 0.9
    assert worse.shares["PASS"] <= 0.05
    assert worse.rows < 400


def test_figures_are_settled_together_and_those_without_a_change_cost_nothing() -> None:
    worse, same = judged([True] * 100, [True] * 92 + [False] * 8), judged([True] * 100, [True] * 100)
    assert worse.state == "FAIL"
    assert settle([worse, *[same] * 50])[0].p == worse.p
    assert settle([worse] * 3)[0].p == pytest.approx(1 - (1 - worse.p) ** 3)
    assert {one.state for one in settle([worse] * 3)} == {"INCONCLUSIVE"}, "three times the chance"
