"""Gathers questions that ask the same, by their vectors: average linkage, from wherever it begins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# From this mean cosine on two groups of questions are one; docs/understanding.md has what it was measured on.
ALIKE = 0.55

_APART = -2.0  # less than any cosine

Floats = NDArray[np.float32]
Groups = NDArray[np.int64]


def gather(
    vectors: Floats,
    groups: Sequence[int],
    *,
    kept_apart: frozenset[int] = frozenset(),
    alike: float = ALIKE,
) -> Groups:
    """The group of each question once all that are alike are joined; `vectors` are rows of length 1.

    It begins with `groups`, one number a row, and always joins the two that are most alike, by the mean
    cosine of their members, while that is at least `alike`. A joined group goes by the lower number. No two
    of `kept_apart` are ever joined. The same rows give the same groups. Takes 4 bytes a pair of groups.
    """
    names, places = np.unique(np.asarray(groups, dtype=np.int64), return_inverse=True)
    if not len(names):
        return names
    sums, sizes = _summed(vectors, places)
    means = sums @ sums.T
    means /= sizes[:, None]
    means /= sizes
    fixed = np.flatnonzero(np.isin(names, list(kept_apart)))
    means[np.ix_(fixed, fixed)] = _APART
    np.fill_diagonal(means, _APART)
    return names[_joined(means, sizes, alike)[places]]


def nearness(vectors: Floats, groups: Groups) -> Floats:
    """For each row the mean cosine to the rows of its group, itself among them."""
    _, places = np.unique(groups, return_inverse=True)
    sums, sizes = _summed(vectors, places)
    near: Floats = np.einsum("ij,ij->i", sums[places], vectors) / sizes[places]
    return near


def _summed(vectors: Floats, places: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """The sum of the vectors at each place, and how many there are."""
    sizes = np.bincount(places).astype(np.float32)
    sums = np.zeros((len(sizes), vectors.shape[1]), dtype=np.float32)
    np.add.at(sums, places, vectors)
    return sums, sizes


def _joined(means: Floats, sizes: Floats, alike: float) -> NDArray[np.intp]:
    """Where each group went; changes its arguments. `best` is the likest other of each, `height` how like."""
    went = np.arange(len(sizes))
    best, height = means.argmax(axis=1), means.max(axis=1)
    while height.max() >= alike:
        first = int(height.argmax())
        into, gone = sorted((first, int(best[first])))
        went[went == gone] = into
        _join(means, sizes, into, gone)
        # A mean of two is never more than the greater one, so nobody else has a new likest other.
        for place in {into, *np.flatnonzero((best == into) | (best == gone)).tolist()}:
            best[place], height[place] = means[place].argmax(), means[place].max()
    return went


def _join(means: Floats, sizes: Floats, into: int, gone: int) -> None:
    """Put one group into another in the matrix of mean cosines."""
    both = sizes[into] + sizes[gone]
    row = (means[into] * sizes[into] + means[gone] * sizes[gone]) / both
    row[(means[into] == _APART) | (means[gone] == _APART)] = _APART  # itself, gone before, or kept apart
    sizes[into] = both
    means[into], means[:, into] = row, row
    means[gone], means[:, gone] = _APART, _APART
