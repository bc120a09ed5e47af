"""The intervals are those of the literature, and the same every time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.evidence import Evidence, evidence
from evals.intervals import difference, interval_of, newcombe, paired, wilson


def shares(values: list[int], start: int = 0) -> Evidence:
    return evidence("share", {f"row-{start + at}": value for at, value in enumerate(values)})


def test_wilson_as_published() -> None:
    # Newcombe 1998, table I, 81 of 263 and 15 of 148 and 0 of 20, without continuity correction.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)


def test_newcombe_as_published() -> None:
    # Newcombe 1998, comparison of 56 of 70 with 48 of 80, method 10.
    assert newcombe((48, 80), (56, 70)) == pytest.approx((0.0524, 0.3339), abs=1e-4)


@given(st.integers(1, 400).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_wilson_holds_the_share(counted: tuple[int, int]) -> None:
    good, of = counted
    low, high = wilson(good, of)
    assert 0 <= low <= good / of + 1e-12
    assert good / of - 1e-12 <= high <= 1


def test_a_share_has_wilsons_interval() -> None:
    assert interval_of(shares([1, 1, 1, 0])) == wilson(3, 4)


def test_the_bootstrap_repeats_itself_and_narrows_with_rows() -> None:
    few = evidence("mean", {str(at): 1 / (1 + at % 3) for at in range(30)})
    many = evidence("mean", {str(at): 1 / (1 + at % 3) for at in range(3000)})
    assert interval_of(few) == interval_of(few)
    narrow, wide = interval_of(many), interval_of(few)
    assert narrow is not None
    assert wide is not None
    assert narrow[1] - narrow[0] < (wide[1] - wide[0]) / 5
    assert narrow[0] < np.mean(many.values) < narrow[1]


def test_f2_and_auroc_of_cases_worked_by_hand() -> None:
    assert evidence("f2", {"a": (5, 0, 1), "b": (0, 5, 0)}).figure() == pytest.approx(25 / (25 + 4 + 5))
    ranked = evidence("auroc", {"a": (0.9, 0), "b": (0.8, 0), "c": (0.4, 0), "d": (0.6, 1), "e": (0.1, 1)})
    assert ranked.figure() == pytest.approx(5 / 6)
    assert evidence("auroc", {"a": (0.9, 0)}).figure() is None


def test_nothing_has_no_figure_and_no_interval() -> None:
    assert shares([]).figure() is None
    assert interval_of(shares([])) is None
    assert interval_of(evidence("f2", {"a": (0, 3, 0)})) is None


def test_the_same_rows_give_a_narrower_difference() -> None:
    before, after = shares([1, 0] * 100), shares([1, 0] * 98 + [1, 1] * 2)
    others = shares([1, 0] * 98 + [1, 1] * 2, start=1000)
    assert paired(before, after)
    assert not paired(before, others)
    same, apart = difference(before, after), difference(before, others)
    assert same is not None
    assert apart is not None
    assert same[1] - same[0] < (apart[1] - apart[0]) / 3
    assert apart[0] < 0 < apart[1]


def test_pairs_are_found_by_id_in_any_order() -> None:
    before = evidence("share", {"a": 1, "b": 0})
    after = evidence("share", {"b": 0, "a": 1})
    assert difference(before, after) == (0.0, 0.0)


def test_evidence_survives_json() -> None:
    kept = evidence("f2", {"a": (1, 2, 3)})
    back = Evidence.from_json(kept.to_json())
    assert (back.kind, back.ids, back.values.tolist()) == ("f2", ("a",), [[1.0, 2.0, 3.0]])
    assert Evidence.from_json(shares([]).to_json()).figure() is None
