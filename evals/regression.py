"""Has it got worse? The same rows before and after, judged so that a gate of equal things is seldom red.

PASS = the drop is at most the margin, with 95 % certainty. FAIL = else, and certainly worse: one-sided
p < ALPHA for all figures of a gate together, by exact tests for shares and counts, by swapped rows for the
rest. INCONCLUSIVE = too few rows to tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from desk.errors import InvalidInput
from evals.evidence import Evidence, Values
from evals.exact import Chance, chance_of, fisher, jointly
from evals.gate import Goal
from evals.intervals import Interval, difference, newcombe, paired, wilson
from evals.report import Report, count_of, evidence_of, figure_of

# Of a gate, all its figures together; of a sequence, however often one looks.
ALPHA = 0.01
SEQUENTIAL_ALPHA = 0.01
MARGIN = 0.05
# Of stakes from careful to bold, so that one of them is about right whatever the drop is.
_STAKES = np.array([0.05, 0.1, 0.2, 0.4, 0.7])

State = Literal["PASS", "FAIL", "INCONCLUSIVE"]


@dataclass(frozen=True, slots=True)
class Regression:
    """A goal's figure before and after: `drop` is the interval of its loss, `p` how likely that is chance.

    `p` is of all figures that were settled together.
    """

    suite: str
    goal: Goal
    before: float
    after: float
    drop: Interval
    rows: int
    chance: Chance
    p: float
    state: State


@dataclass(frozen=True, slots=True)
class Decision:
    """What a sequence of rows showed, after so many of them."""

    state: State
    rows: int


def regressions(
    before: Report, after: Report, goals: Iterable[Goal], *, margin: float = MARGIN
) -> list[Regression]:
    """The figures of the goals, where both reports can tell. Raises InvalidInput if the suites differ."""
    if any(before.get(key) != after.get(key) for key in ("suite", "definition_version")):
        raise InvalidInput("The baseline is another suite's, or an older one's: `desk eval baseline`.")
    found = [_regression(before, after, goal) for goal in goals]
    return settle([one for one in found if one is not None], margin=margin)


def settle(found: Sequence[Regression], *, margin: float = MARGIN) -> list[Regression]:
    """The verdicts on all figures of a gate, so that equal things fail in ALPHA of the gates at most."""
    together = jointly([one.chance for one in found])
    return [
        replace(one, p=p, state=_state(one.drop, p, margin)) for one, p in zip(found, together, strict=True)
    ]


def _state(drop: Interval, p: float, margin: float) -> State:
    if drop[1] <= margin:
        return "PASS"
    return "FAIL" if p < ALPHA else "INCONCLUSIVE"


def decide(rows: Iterable[tuple[bool, bool]], *, margin: float = MARGIN, least: int = 20) -> Decision:
    """Look after every row (right before, right after) and stop as soon as the answer is certain.

    Two bets are kept on the loss of a row, -1, 0 or 1: against "it is no worse" and against "it loses more
    than the margin". Whoever could win 1 / SEQUENTIAL_ALPHA or 20 times the stake, however long the looking
    went on, is wrong with that probability or 5 % (a mixture of bets; Waudby-Smith and Ramdas 2024).
    """
    worse, tolerable = np.ones(len(_STAKES)), np.ones(len(_STAKES))
    seen = 0
    for was, now in rows:
        seen += 1
        loss = int(was) - int(now)
        worse *= 1 + _STAKES * loss
        tolerable *= 1 + _STAKES * (margin - loss) / (1 + margin)
        if seen >= least and tolerable.mean() >= 1 / 0.05:
            return Decision("PASS", seen)
        if seen >= least and worse.mean() >= 1 / SEQUENTIAL_ALPHA:
            return Decision("FAIL", seen)
    return Decision("INCONCLUSIVE", seen)


def _regression(before: Report, after: Report, goal: Goal) -> Regression | None:
    source, figure = goal.source, goal.figure
    sides = (before, after)
    was, now = (figure_of(side["by_source"].get(source, {}), figure) for side in sides)
    old, new = (evidence_of(side, source, figure) for side in sides)
    counts = [count_of(side, source, figure) for side in sides]
    if was is None or now is None:
        return None
    if goal.at_most:  # more is worse: as if the other one had come first
        old, new, counts = new, old, counts[::-1]
    if old is not None and new is not None and paired(old, new):
        rows = len(new.ids)
        drop, chance = drop_of(old, new)
    elif counts[0] and counts[1]:
        rows = counts[1][1]
        low, high = newcombe(counts[0], counts[1])
        drop, chance = (-high, -low), fisher(counts[0], counts[1])
    else:
        return None
    return Regression(after["suite"], goal, was, now, drop, rows, chance, chance.p, "INCONCLUSIVE")


def drop_of(before: Evidence, after: Evidence) -> tuple[Interval, Chance]:
    """The 95 % interval of what was lost, and how likely so much is by chance; both saw the same rows."""
    matched = _matched(before, after)
    chance = chance_of(after.kind, matched, after.values)
    if after.kind == "share":
        return _drop_of_shares(matched, after.values), chance
    low, high = difference(before, after) or (-1.0, 1.0)
    return (-high, -low), chance


def _drop_of_shares(before: Values, after: Values) -> Interval:
    """By the rows that changed. Both ways' bounds are added up: no change in a few rows proves little."""
    loss = before[:, 0] - after[:, 0]
    worse, better, of = int((loss > 0).sum()), int((loss < 0).sum()), len(loss)
    (worse_low, worse_high), (better_low, better_high) = wilson(worse, of), wilson(better, of)
    return worse_low - better_high, worse_high - better_low


def _matched(before: Evidence, after: Evidence) -> Values:
    place = {item: at for at, item in enumerate(before.ids)}
    matched: Values = before.values[[place[item] for item in after.ids]]
    return matched
