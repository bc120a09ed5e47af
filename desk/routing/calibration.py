"""Turns evidence into one honest number: the probability that the chosen intent is right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

PENALTY = 0.01
STEPS = 50


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic curve that never falls when a feature rises; `slopes` has one entry a feature."""

    offset: float
    slopes: tuple[float, ...]

    def probability(self, *features: float) -> float:
        """Between 0 and 1."""
        logit = self.offset + sum(s * f for s, f in zip(self.slopes, features, strict=True))
        return float(1 / (1 + np.exp(-min(max(logit, -30.0), 30.0))))

    def probabilities(self, features: Values) -> Values:
        """The same of features (n, k), as (n,)."""
        logits: Values = self.offset + features @ np.array(self.slopes)
        return 1 / (1 + np.exp(-np.clip(logits, -30, 30)))


def fit_calibration(features: Values, right: NDArray[np.bool_], weights: Values) -> Calibration:
    """Fits to features (n, k), whether the choice was right (n,) and how much each row counts (n,).

    A feature whose slope would be negative is dropped. With few rows that separate perfectly, a small
    penalty keeps the slopes finite.
    """
    kept = list(range(features.shape[1]))
    while True:
        solution = _logistic(features[:, kept], right, weights)
        falling = [column for column, slope in zip(kept, solution[1:], strict=True) if slope < 0]
        if not falling:
            break
        kept = [column for column in kept if column not in falling]
    slopes = dict(zip(kept, solution[1:], strict=True))
    return Calibration(
        float(solution[0]), tuple(float(slopes.get(column, 0.0)) for column in range(features.shape[1]))
    )


def _logistic(features: Values, right: NDArray[np.bool_], weights: Values) -> Values:
    """Newton's method; offset first. Steps are halved until the loss falls, so it cannot run away."""
    design = np.column_stack([np.ones(len(features)), features])
    penalty = np.full(design.shape[1], PENALTY)

    def loss(solution: Values) -> float:
        logits = design @ solution
        misfit = np.logaddexp(0, logits) - np.where(right, logits, 0)
        return float(weights @ misfit + penalty @ solution**2 / 2)

    solution: Values = np.zeros(design.shape[1])
    for _ in range(STEPS):
        likely = 1 / (1 + np.exp(-np.clip(design @ solution, -30, 30)))
        slope = design.T @ (weights * (likely - right)) + penalty * solution
        curve = (design * (weights * likely * (1 - likely))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(curve, slope)
        while loss(solution - step) > loss(solution) and np.abs(step).max() > 1e-9:
            step = step / 2
        solution = solution - step
        if np.abs(step).max() < 1e-8:
            break
    return solution
