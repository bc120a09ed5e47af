"""The gate tells how often it is wrong, and is red when that is too often."""

from __future__ import annotations

import numpy as np

from evals.evidence import evidence
from evals.gate import Goal
from evals.judgement import Judgement
from evals.report import Report, build_report, without_evidence
from evals.self_check import SelfCheck, self_check

GOALS = tuple(Goal("s", name, 0.5, at_most=name == "slow") for name in ("right", "f2", "slow", "not there"))


def report(rows: int = 80) -> Report:
    """Three figures of rows of which nine in ten are right."""
    random = np.random.default_rng(4)
    right = {str(at): float(random.random() < 0.9) for at in range(rows)}
    found = {
        "right": evidence("share", right),
        "f2": evidence("f2", {item: (good, 0.0, 1 - good) for item, good in right.items()}),
        "slow": evidence("mean", {item: float(random.random()) for item in right}),
    }
    figures = {"n": rows, **{name: figure.figure() for name, figure in found.items()}}
    return build_report("bookshop", 1, {"s": figures}, figures, [], {"s": found})


def test_equal_things_are_seldom_red() -> None:
    check = self_check([(report(), GOALS)], runs=500)
    assert check is not None
    assert (check.runs, check.figures) == (500, 3)
    assert check.share < 0.02
    assert check.state != "FAIL"
    assert check == self_check([(report(), GOALS)], runs=500), "the same tree is told the same"


def test_counts_are_resampled_where_the_rows_are_not_told() -> None:
    check = self_check([(without_evidence(report()), GOALS)], runs=500)
    assert check is not None
    assert check.figures == 1
    assert check.share < 0.02


def test_nothing_to_resample_is_no_check() -> None:
    assert self_check([(report(), [Goal("elsewhere", "right", 0.5)])]) is None


def test_a_gate_that_cries_wolf_is_red() -> None:
    assert SelfCheck(500, 25, 4).state != "FAIL"
    wolf = SelfCheck(500, 25, 25)
    assert wolf.state == "FAIL"
    assert "25 red (5.0%" in wolf.told()
    assert Judgement((), check=wolf).red
