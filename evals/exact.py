"""How likely so great a loss is by chance alone: exact tests of one figure, and of all figures together.

A test of few rows can give few values. `Chance` keeps them, so that a figure that could not have failed, such
as one of which no row changed, costs the other figures of a gate nothing (Tarone 1990).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from math import comb, prod

import numpy as np

from evals.evidence import BETA_SQUARED, STATISTICS, Kind, Values
from evals.intervals import SEED

_SWAPS = 2000


@dataclass(frozen=True, slots=True)
class Chance:
    """One-sided `p`, and the values that the test could have given; None = any between 0 and 1."""

    p: float
    values: tuple[float, ...] | None = None

    def at_most(self, bound: float) -> float:
        """How likely equal things give a p of `bound` or less."""
        if self.values is None:
            return bound
        return max((value for value in self.values if value <= bound), default=0.0)


def sign(worse: int, better: int) -> Chance:
    """Each row that changed was as likely to get better: the exact sign test."""
    tails = _sign_tails(worse + better)
    return Chance(tails[worse], tails)


def fisher(before: tuple[float, int], after: tuple[float, int]) -> Chance:
    """`good` of `of` before and after, of other rows: Fisher's exact test that the share after is lower."""
    (good, of), (kept, of_after) = (round(before[0]), before[1]), (round(after[0]), after[1])
    tails = _fisher_tails(good + kept, of, of_after)
    least = max(0, good + kept - of)
    return Chance(tails[kept - least], tails)


def swapped(kind: Kind, before: Values, after: Values) -> Chance:
    """The two sides of rows swapped at random: what equal things would show. Rows are the same ones."""
    changed = (before != after).any(axis=1)
    if not changed.any():
        return Chance(1.0, (1.0,))
    seen = _loss(kind, before, after)
    random = np.random.default_rng(SEED)
    swaps = random.integers(0, 2, (_SWAPS, len(after))).astype(bool)
    if kind == "auroc":
        lost = np.array([_swapped_loss(kind, before, after, swap) for swap in swaps])
    else:
        lost = _swapped_sums(kind, before, after, swaps)
    as_great = 1 + int((lost >= seen - 1e-12).sum())
    return Chance(as_great / (_SWAPS + 1))


def jointly(chances: Sequence[Chance]) -> list[float]:
    """Each p as that of the least of all: how likely any figure of equal things reaches it (Šidák)."""
    return [1 - prod(1 - other.at_most(one.p) for other in chances) for one in chances]


def chance_of(kind: Kind, before: Values, after: Values) -> Chance:
    """The test that fits the kind of a figure; both sides hold the same rows in the same order."""
    if kind != "share":
        return swapped(kind, before, after)
    loss = before[:, 0] - after[:, 0]
    return sign(int((loss > 0).sum()), int((loss < 0).sum()))


@lru_cache(maxsize=1024)
def _sign_tails(changed: int) -> tuple[float, ...]:
    """The chance of so many or more of `changed`, from 0 on."""
    ways = accumulate(comb(changed, count) for count in range(changed, -1, -1))
    return tuple(float(way / 2**changed) for way in ways)[::-1]


@lru_cache(maxsize=1024)
def _fisher_tails(good: int, before: int, after: int) -> tuple[float, ...]:
    """The chance of so few or fewer of the `good` ones among those after, from the least possible."""
    least, most = max(0, good - before), min(good, after)
    ways = accumulate(comb(after, kept) * comb(before, good - kept) for kept in range(least, most + 1))
    return tuple(float(way / comb(before + after, good)) for way in ways)


def _loss(kind: Kind, before: Values, after: Values) -> float:
    figure = STATISTICS[kind]
    return (figure(before) or 0.0) - (figure(after) or 0.0)


def _swapped_loss(kind: Kind, before: Values, after: Values, swap: Values) -> float:
    aside = swap[:, None].astype(bool)
    return _loss(kind, np.where(aside, after, before), np.where(aside, before, after))


def _swapped_sums(kind: Kind, before: Values, after: Values, swaps: Values) -> Values:
    """The same for figures of sums alone: all swaps at once. Shape (swaps,)."""
    moved = swaps.astype(float) @ (after - before)
    old, new = before.sum(axis=0) + moved, after.sum(axis=0) - moved
    lost: Values = _of_sums(kind, old, len(before)) - _of_sums(kind, new, len(after))
    return lost


def _of_sums(kind: Kind, sums: Values, rows: int) -> Values:
    if kind != "f2":
        return np.asarray(sums[:, 0] / rows)
    hits, false, missed = sums.T
    whole = (1 + BETA_SQUARED) * hits + BETA_SQUARED * missed + false
    return np.asarray((1 + BETA_SQUARED) * hits / np.maximum(whole, 1e-12))
