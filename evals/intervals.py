"""95 % intervals: Wilson for shares, Newcombe for their differences, a seeded bootstrap for the rest."""

from __future__ import annotations

from math import sqrt

import numpy as np

from evals.evidence import STATISTICS, Evidence, Kind, Values

Z = 1.959963984540054
REPEATS = 1000
SEED = 20_240_229

Interval = tuple[float, float]


def wilson(good: float, of: int) -> Interval:
    """The interval of a share `good` / `of`, `of` > 0 (Wilson 1927)."""
    share = good / of
    scale = 1 + Z * Z / of
    centre = (share + Z * Z / (2 * of)) / scale
    half = Z / scale * sqrt(share * (1 - share) / of + Z * Z / (4 * of * of))
    return max(0.0, centre - half), min(1.0, centre + half)


def newcombe(before: tuple[float, int], after: tuple[float, int]) -> Interval:
    """The interval of the share `after` minus the share `before` of other rows (Newcombe 1998, method 10)."""
    old, new = before[0] / before[1], after[0] / after[1]
    (old_low, old_high), (new_low, new_high) = wilson(*before), wilson(*after)
    below = sqrt((new - new_low) ** 2 + (old_high - old) ** 2)
    above = sqrt((new_high - new) ** 2 + (old - old_low) ** 2)
    return new - old - below, new - old + above


def interval_of(found: Evidence) -> Interval | None:
    """The interval of a figure, by the way that fits its kind; None when its rows cannot tell."""
    if not len(found.ids):
        return None
    if found.kind == "share":
        return wilson(float(found.values.sum()), len(found.ids))
    return _percentiles(_drawn(found, np.random.default_rng(SEED)))


def difference(before: Evidence, after: Evidence) -> Interval | None:
    """The interval of `after` minus `before`: paired by id where both saw the same rows, else unpaired."""
    random = np.random.default_rng(SEED)
    if not paired(before, after):
        return _percentiles(_drawn(after, random) - _drawn(before, random))
    place = {item: at for at, item in enumerate(before.ids)}
    matched = before.values[[place[item] for item in after.ids]]
    drawn = np.empty(REPEATS)
    for draw in range(REPEATS):
        rows = random.integers(0, len(after.ids), len(after.ids))
        drawn[draw] = _figure(after.kind, after.values[rows]) - _figure(after.kind, matched[rows])
    return _percentiles(drawn)


def paired(before: Evidence, after: Evidence) -> bool:
    """Whether both were counted from the same rows."""
    return bool(before.ids) and set(before.ids) == set(after.ids) and len(before.ids) == len(after.ids)


def _drawn(found: Evidence, random: np.random.Generator) -> Values:
    """The figure of REPEATS draws of the rows, with replacement."""
    rows = len(found.ids)
    if not rows:
        return np.full(1, np.nan)
    return np.array(
        [_figure(found.kind, found.values[random.integers(0, rows, rows)]) for _ in range(REPEATS)]
    )


def _figure(kind: Kind, values: Values) -> float:
    figure = STATISTICS[kind](values)
    return float("nan") if figure is None else figure


def _percentiles(figures: Values) -> Interval | None:
    known = figures[~np.isnan(figures)]
    if not len(known):
        return None
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)
