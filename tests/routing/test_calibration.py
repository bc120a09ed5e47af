"""The confidence is a probability, rises with the evidence, and means what it says."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from desk.routing.calibration import Calibration, fit_calibration

finite = st.floats(-50, 50)


@given(finite, st.tuples(st.floats(0, 50), st.floats(0, 50)), finite, finite, st.floats(0, 50))
def test_more_evidence_never_lowers_it(
    offset: float, slopes: tuple[float, float], first: float, second: float, more: float
) -> None:
    calibration = Calibration(offset, slopes)
    before = calibration.probability(first, second)
    assert 0 <= before <= calibration.probability(first + more, second) <= 1
    assert before <= calibration.probability(first, second + more)


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_no_fit_has_a_falling_slope(seed: int) -> None:
    random = np.random.default_rng(seed)
    fitted = fit_calibration(random.normal(size=(30, 2)), random.random(30) < 0.5, np.ones(30))
    assert min(fitted.slopes) >= 0


def test_seventy_percent_means_seventy_in_a_hundred() -> None:
    random = np.random.default_rng(3)
    evidence = random.uniform(-2, 2, size=(8000, 1))
    right = random.random(8000) < 1 / (1 + np.exp(-(0.5 + 2 * evidence[:, 0])))
    fitted = fit_calibration(evidence, right, np.ones(8000))
    stated = np.array([fitted.probability(float(value)) for value in evidence[:, 0]])
    for low in (0.1, 0.3, 0.5, 0.7, 0.85):
        of_band = (stated >= low) & (stated < low + 0.1)
        assert abs(right[of_band].mean() - stated[of_band].mean()) < 0.06


def test_rows_that_separate_perfectly_stay_finite() -> None:
    evidence = np.array([[0.1], [0.2], [0.8], [0.9]])
    fitted = fit_calibration(evidence, evidence[:, 0] > 0.5, np.ones(4))
    assert fitted.probability(0.9) > 0.9
    assert fitted.probability(0.1) < 0.1
    assert np.isfinite(fitted.slopes[0])


def test_a_heavier_row_counts_for_more() -> None:
    evidence = np.zeros((2, 1))
    right = np.array([True, False])
    fitted = fit_calibration(evidence, right, np.array([3.0, 1.0]))
    assert abs(fitted.probability(0.0) - 0.75) < 0.01
