"""The tests are the textbook's, and figures that cannot fail cost the others nothing."""

from __future__ import annotations

import numpy as np
import pytest

from evals.exact import Chance, chance_of, fisher, jointly, sign, swapped


def test_the_sign_test_is_the_binomial_tail() -> None:
    assert sign(0, 0).p == 1
    assert sign(7, 0).p == pytest.approx(0.5**7)
    assert sign(9, 1).p == pytest.approx(11 / 1024)
    assert sign(1, 9).p == pytest.approx(1023 / 1024)


def test_fishers_test_is_that_of_the_tea() -> None:
    assert fisher((3, 4), (1, 4)).p == pytest.approx(17 / 70)
    assert fisher((1, 4), (3, 4)).p == pytest.approx(69 / 70)
    assert fisher((4, 4), (4, 4)).p == 1


def test_a_test_of_few_rows_can_give_few_values() -> None:
    assert sign(3, 0).at_most(0.2) == pytest.approx(1 / 8)
    assert sign(3, 0).at_most(0.1) == 0
    assert Chance(0.5).at_most(0.1) == 0.1


def test_together_the_least_is_as_likely_as_any() -> None:
    worse, unchanged, even = sign(8, 0), sign(0, 0), Chance(0.5)
    assert jointly([worse, unchanged, unchanged]) == [pytest.approx(worse.p), 1, 1]
    assert jointly([worse, even])[0] == pytest.approx(1 - (1 - worse.p) ** 2)


def test_sums_are_swapped_as_rows_are() -> None:
    random = np.random.default_rng(1)
    before = random.integers(0, 4, (60, 3)).astype(float)
    after = before + np.where(random.random((60, 1)) < 0.3, [[-1.0, 0, 1.0]], 0.0)
    lost = swapped("f2", before.clip(0), after.clip(0))
    assert lost.p < 0.01
    assert swapped("f2", after.clip(0), before.clip(0)).p > 0.99
    assert swapped("f2", before, before) == Chance(1.0, (1.0,))
    rows = np.column_stack([random.random(60), np.arange(60) % 2])
    assert 0.05 < swapped("auroc", rows, np.roll(rows, 2, axis=0)).p <= 1


def test_shares_are_judged_by_the_rows_that_changed() -> None:
    before, after = np.ones((10, 1)), np.array([[0.0]] * 4 + [[1.0]] * 6)
    assert chance_of("share", before, after) == sign(4, 0)
