"""Chooses from which confidence on to answer, so that a promised share of wrong answers is kept."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

# The chance, over the rows that it is chosen on, that the promise is broken. What it is then counted on is a
# sample too, which 0.05 left no room for.
RISK = 0.03
STARTS = (0.99, 0.95, 0.9, 0.8, 0.7)
STEP = 0.01
# How many times as many examples are thought of, before it is said that more of them would prove nothing.
MOST_TIMES = 100.0
_GROWTH = 1.05


@dataclass(frozen=True, slots=True, eq=False)
class Proof:
    """What a router made of its own examples, each judged by a router that had not seen it.

    `confidence` (n,) and `right` (n,); an example that belongs to no intent is never right.
    """

    confidence: NDArray[np.float64]
    right: NDArray[np.bool_]

    def threshold(self, error: float) -> float | None:
        """From which confidence on at most the share `error` of answers is wrong; None if unproven."""
        return threshold_for(self.confidence, self.right, error)

    def needed(self, error: float) -> int | None:
        """About how many examples like these would prove it; None if even 100 times as many would not.

        CPU-bound, up to some seconds.
        """
        times = 1.0
        while times <= MOST_TIMES:
            if threshold_for(self.confidence, self.right, error, times=times) is not None:
                return math.ceil(times * len(self.right) / 10) * 10
            times *= _GROWTH
        return None


def threshold_for(
    confidence: NDArray[np.float64],
    right: NDArray[np.bool_],
    error: float,
    *,
    risk: float = RISK,
    times: float = 1.0,
) -> float | None:
    """The lowest confidence from which on at most the share `error` of answers is wrong; None if unproven.

    `confidence` (n,) and `right` (n,) are of rows that the router was not fitted on, drawn like the
    messages to come. Fixed-sequence testing with exact binomial tests (Angelopoulos et al. 2021, Learn
    then Test): from each start the threshold falls while the test holds, each with its part of `risk`.
    With `times` it is asked what so many times as many rows of the same kind would prove.
    """
    order = np.argsort(confidence, kind="stable")
    ordered = confidence[order]
    wrong_before = np.concatenate([[0], np.cumsum(~right[order])])
    lowest: float | None = None
    for start in STARTS:
        threshold = start
        while threshold > 0:
            place = int(np.searchsorted(ordered, threshold))
            wrong = int(wrong_before[-1] - wrong_before[place])
            answered, wrong = int(times * (len(ordered) - place)), math.ceil(times * wrong)
            if not proven(answered, wrong, error, risk / len(STARTS)):
                break
            lowest = threshold if lowest is None else min(lowest, threshold)
            threshold = round(threshold - STEP, 4)
    return lowest


@lru_cache(maxsize=65_536)
def proven(answered: int, wrong: int, error: float, risk: float) -> bool:
    """Whether so few of the answers are wrong that a share of `error` or more is ruled out, but for `risk`.

    `error` lies strictly between 0 and 1. The binomial tail is summed in logarithms.
    """
    if answered == 0 or wrong >= answered * error:
        return False
    count = np.arange(1, wrong + 1)
    ratios = np.log((answered - count + 1) / count) + np.log(error / (1 - error))
    terms = answered * np.log1p(-error) + np.concatenate([[0.0], np.cumsum(ratios)])
    return bool(np.exp(terms).sum() <= risk)
