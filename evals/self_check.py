"""The gate looks at itself: how often is it red over equal things, whose rows change by chance alone?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from evals.evidence import Evidence, Values
from evals.exact import Chance, chance_of, fisher, jointly
from evals.gate import Goal, State, state_of
from evals.intervals import SEED, Interval, wilson
from evals.regression import ALPHA
from evals.report import Report, count_of, evidence_of

RUNS = 2000
# Of the rows on either side; the offline suites themselves change none.
CHURN = 0.03
MOST_FALSE = Goal("itself", "false failures", 0.02, at_most=True)

# What a figure was counted from: rows, or so many of so many.
Counted = Evidence | tuple[float, int]


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """So many gates of `figures` figures of equal things, and how many were red, with the 95 % interval."""

    runs: int
    figures: int
    failed: int

    @property
    def share(self) -> float:
        """False failures, as a share of the gates."""
        return self.failed / self.runs

    @property
    def interval(self) -> Interval:
        """Where that share lies."""
        return wilson(self.failed, self.runs)

    @property
    def state(self) -> State:
        """FAIL when it is certainly more than the gate promises."""
        return state_of(self.interval, MOST_FALSE)

    def told(self) -> str:
        """In one line."""
        low, high = self.interval
        return (
            f"Self-check: {self.runs:,} gates of this tree beside itself, {CHURN:.0%} of the rows changed by "
            f"chance on either side, {self.figures} figures: {self.failed} red ({self.share:.1%}, 95 % "
            f"{low:.1%} to {high:.1%}; at most {MOST_FALSE.goal:.0%} is promised): {self.state}"
        )


def self_check(judged: Iterable[tuple[Report, Sequence[Goal]]], runs: int = RUNS) -> SelfCheck | None:
    """Resample what was just measured `runs` times and judge it as the gate would; None without figures.

    A figure counts as red when its loss is certain, whatever the margin, so the true share is lower still.
    """
    counted = [
        found for report, goals in judged for goal in goals if (found := _counted(report, goal)) is not None
    ]
    if not counted:
        return None
    random = np.random.default_rng(SEED)
    failed = sum(_is_red([_chance(one, random) for one in counted]) for _ in range(runs))
    return SelfCheck(runs, len(counted), failed)


def _counted(report: Report, goal: Goal) -> Counted | None:
    rows = evidence_of(report, goal.source, goal.figure)
    return rows if rows is not None else count_of(report, goal.source, goal.figure)


def _is_red(chances: Sequence[Chance]) -> bool:
    return min(jointly(chances)) < ALPHA


def _chance(counted: Counted, random: np.random.Generator) -> Chance:
    """The test of two sides that differ by chance alone."""
    if isinstance(counted, tuple):
        good, of = counted
        sides = [(float(random.binomial(of, good / of)), of) for _ in range(2)]
        return fisher(sides[0], sides[1])
    return chance_of(counted.kind, *(_shaken(counted, random) for _ in range(2)))


def _shaken(rows: Evidence, random: np.random.Generator) -> Values:
    """CHURN of the rows are otherwise: a share's the other way round, another's as some other row is."""
    hit = (random.random(len(rows.ids)) < CHURN)[:, None]
    if rows.kind == "share":
        return np.where(hit, 1 - rows.values, rows.values)
    return np.where(hit, rows.values[random.integers(0, len(rows.ids), len(rows.ids))], rows.values)
