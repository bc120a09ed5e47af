"""A threshold keeps the error that was promised, and is only given where that is proven."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from desk.routing.promise import Proof, proven, threshold_for


def drawn(seed: int, rows: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Rows whose chance of being right is their confidence: answering from c on errs by (1 - c) / 2."""
    random = np.random.default_rng(seed)
    confidence = random.random(rows)
    return confidence, random.random(rows) < confidence


@pytest.mark.parametrize(("answered", "holds"), [(227, False), (228, True)])
def test_without_an_error_it_takes_so_many_answers(answered: int, holds: bool) -> None:
    assert proven(answered, 0, 0.02, 0.98**228 * 1.0001) is holds


def test_the_tail_is_the_binomial_one() -> None:
    tail = 0.9**50 + 50 * 0.1 * 0.9**49
    assert proven(50, 1, 0.1, tail * 1.0001)
    assert not proven(50, 1, 0.1, tail * 0.9999)


def test_the_promise_is_broken_no_more_often_than_said() -> None:
    found = [threshold_for(*drawn(seed, 3000), 0.1) for seed in range(200)]
    assert sum(threshold is not None for threshold in found) > 150
    broken = sum(threshold is not None and (1 - threshold) / 2 > 0.1 for threshold in found)
    assert broken <= 0.05 * 200


def test_more_rows_let_it_answer_more() -> None:
    few, many = threshold_for(*drawn(1, 10_000), 0.1), threshold_for(*drawn(1, 100_000), 0.1)
    assert few is not None
    assert many is not None
    assert 0.8 <= many < 0.83
    assert many < few


def test_where_nothing_is_proven_there_is_no_threshold() -> None:
    assert threshold_for(*drawn(1, 100), 0.02) is None
    assert threshold_for(np.full(1000, 0.995), np.zeros(1000, dtype=np.bool_), 0.02) is None


def test_the_number_of_examples_that_it_takes_is_told() -> None:
    confidence, right = np.full(100, 0.995), np.ones(100, dtype=np.bool_)
    proof = Proof(confidence, right)
    assert proof.threshold(0.02) is None
    # 254 answers without an error rule out 2 % at a risk of 0.6 %, a fifth of the whole.
    assert proof.needed(0.02) == 270
    enough = Proof(np.full(254, 0.995), np.ones(254, dtype=np.bool_))
    assert enough.threshold(0.02) is not None
    assert enough.needed(0.02) == 260


def test_no_number_of_examples_proves_what_is_not_so() -> None:
    right = np.array([True, False] * 50)
    assert Proof(np.full(100, 0.995), right).needed(0.3) is None
