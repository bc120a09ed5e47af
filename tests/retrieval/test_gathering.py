"""Gathering: what is alike is joined, the likest first, from wherever it begins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from desk.retrieval.gathering import gather, nearness

Rows = NDArray[np.float32]


def turned(*degrees: float) -> Rows:
    """Vectors of length 1 in a plane."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def by_the_book(vectors: Rows, groups: list[int], alike: float) -> list[int]:
    """The same from the definition alone, looking at every pair each time."""
    members = {name: [place for place, own in enumerate(groups) if own == name] for name in set(groups)}
    while len(members) > 1:
        means = {
            (one, other): float(np.mean(vectors[members[one]] @ vectors[members[other]].T))
            for one in sorted(members)
            for other in sorted(members)
            if one < other
        }
        (one, other), mean = max(means.items(), key=lambda pair: pair[1])
        if mean < alike:
            break
        members[one] += members.pop(other)
    of = {place: name for name, places in members.items() for place in places}
    return [of[place] for place in range(len(groups))]


def test_the_likest_are_joined_and_what_is_far_stays_alone() -> None:
    vectors = turned(0, 10, 90, 100, 200)
    assert gather(vectors, range(5), alike=0.9).tolist() == [0, 0, 2, 2, 4]
    assert gather(vectors, range(5), alike=0.999).tolist() == [0, 1, 2, 3, 4]


def test_a_group_is_as_near_as_its_members_are_on_average() -> None:
    vectors = turned(0, 60, 100)
    mean = (np.cos(np.radians(100)) + np.cos(np.radians(40))) / 2
    assert gather(vectors, [0, 0, 1], alike=float(mean) - 0.01).tolist() == [0, 0, 0]
    assert gather(vectors, [0, 0, 1], alike=float(mean) + 0.01).tolist() == [0, 0, 1]


def test_what_is_kept_apart_is_not_joined_and_takes_in_others() -> None:
    vectors = turned(0, 4, 1, 9)
    apart = frozenset((0, 1))
    assert gather(vectors, [0, 1, 2, 3], kept_apart=apart, alike=0.9).tolist() == [0, 1, 0, 1]
    assert gather(vectors, [0, 1, 2, 3], alike=0.9).tolist() == [0, 0, 0, 0]


def test_nothing_is_gathered_of_nothing() -> None:
    assert gather(np.empty((0, 2), dtype=np.float32), []).tolist() == []
    assert nearness(np.empty((0, 2), dtype=np.float32), np.empty(0, dtype=np.int64)).tolist() == []


def test_nearness_is_the_mean_cosine_to_the_own_group() -> None:
    near = nearness(turned(0, 60, 180), np.array([3, 3, 7]))
    assert near == pytest.approx([0.75, 0.75, 1])


@settings(deadline=None)
@given(st.lists(st.integers(0, 359), min_size=1, max_size=14, unique=True), st.floats(0.3, 0.95), st.data())
def test_it_is_average_linkage(degrees: list[int], alike: float, data: st.DataObject) -> None:
    names = st.lists(st.integers(0, 13), min_size=len(degrees), max_size=len(degrees))
    groups = data.draw(names)
    vectors = turned(*(degree + 0.001 * degree**1.5 for degree in degrees))
    assert gather(vectors, groups, alike=alike).tolist() == by_the_book(vectors, groups, alike)
