"""How often the gate is wrong, simulated: rows that change by chance, with and without a loss."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evals.evidence import evidence
from evals.gate import Goal
from evals.intervals import SEED
from evals.regression import State, decide, regressions
from evals.report import Report, build_report

RIGHT = 0.9
RUNS = 500
MOST_ROWS = 2000

Rows = NDArray[np.bool_]
Method = Literal["all rows", "row by row"]


@dataclass(frozen=True, slots=True)
class Setting:
    """Rows that are judged, the share of them that changes either way by chance, and the true loss."""

    rows: int
    churn: float
    drop: float
    method: Method = "all rows"


@dataclass(frozen=True, slots=True)
class Told:
    """The shares of runs that came to each verdict, and the median of the rows that were looked at."""

    setting: Setting
    runs: int
    shares: dict[State, float]
    rows: int


# What docs/evals.md states.
SETTINGS = (
    Setting(116, 0.03, 0.0),
    Setting(300, 0.03, 0.0),
    Setting(116, 0.0, 0.05),
    Setting(250, 0.0, 0.05),
    Setting(650, 0.03, 0.05),
    Setting(MOST_ROWS, 0.03, 0.0, "row by row"),
    Setting(MOST_ROWS, 0.03, 0.05, "row by row"),
    Setting(MOST_ROWS, 0.03, 0.1, "row by row"),
)


def simulate(setting: Setting, runs: int = RUNS) -> Told:
    """Judge `runs` pairs of RIGHT right rows as the setting says."""
    random = np.random.default_rng(SEED)
    states: list[State] = []
    rows: list[int] = []
    for _ in range(runs):
        before, after = noisy(random, setting)
        if setting.method == "all rows":
            [found] = regressions(_report(before), _report(after), [Goal("s", "right", 0.5)])
            state, seen = found.state, found.rows
        else:
            decision = decide(zip(before.tolist(), after.tolist(), strict=True))
            state, seen = decision.state, decision.rows
        states.append(state)
        rows.append(seen)
    counted = Counter(states)
    shares: dict[State, float] = {state: counted[state] / runs for state in ("FAIL", "PASS", "INCONCLUSIVE")}
    return Told(setting, runs, shares, int(np.median(rows)))


def noisy(random: np.random.Generator, setting: Setting) -> tuple[Rows, Rows]:
    """Rows before and after: `churn` of them change either way, and `drop` only for the worse."""
    before = random.random(setting.rows) < RIGHT
    chance = random.random(setting.rows)
    lost = before & (chance < (setting.churn + setting.drop) / RIGHT)
    won = ~before & (chance < setting.churn / (1 - RIGHT))
    return before, (before & ~lost) | won


def simulate_all(runs: int = RUNS) -> Iterator[Told]:
    """Every setting that the documentation states."""
    for setting in SETTINGS:
        yield simulate(setting, runs)


def _report(right: Rows) -> Report:
    found = evidence("share", {str(at): float(one) for at, one in enumerate(right)})
    figures = {"n": len(right), "right": found.figure()}
    return build_report("simulated", 1, {"s": figures}, figures, [], {"s": {"right": found}})
