"""Scores intents by kernel ridge regression, and in closed form the same on texts it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desk.routing.lexical import LexicalSketch

Matrix = NDArray[np.float32]

LEXICAL_SHARE = 0.3
SHARPNESS = 3.0
RIDGE = 0.1
BLOCK = 512


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for each intent, a row a text.

    `scores` and `nearest` (highest cosine of its examples) have shape (n, intents); `outside`, shape (n,),
    is the highest cosine of the examples without an intent, at least 0.
    """

    scores: Matrix
    nearest: Matrix
    outside: Matrix


@dataclass(frozen=True, slots=True)
class Grouped:
    """Where the examples of each intent stand: `outside` those of none, `known` the others, intent by intent.

    `starts` says where in `known` each intent begins.
    """

    outside: NDArray[np.int64]
    known: NDArray[np.int64]
    starts: NDArray[np.int64]

    @classmethod
    def by_label(cls, labels: NDArray[np.int64], intents: int) -> Grouped:
        """`labels` index the intents; -1 is an example that belongs to none."""
        order = np.argsort(labels, kind="stable")
        first = int(np.searchsorted(labels[order], 0))
        known = order[first:]
        return cls(order[:first], known, np.searchsorted(labels[known], np.arange(intents)))

    def of(self, intent: int) -> NDArray[np.int64]:
        """Where the examples of one intent stand."""
        end = self.starts[intent + 1] if intent + 1 < len(self.starts) else None
        return self.known[self.starts[intent] : end]


@dataclass(frozen=True, slots=True)
class Classifier:
    """A fitted model.

    The kernel is 0.7 exp(3 (cos - 1)) of the meaning-vectors plus 0.3 times the dot product of the lexical
    sketches. An example without an intent has a zero target, so that it pulls all scores down around it.
    """

    vectors: Matrix
    grouped: Grouped
    sketch: LexicalSketch
    semantic_weights: Matrix
    lexical_weights: Matrix

    def score(self, text: str, vector: Matrix) -> tuple[Matrix, Matrix]:
        """The score of each intent for one text, (intents,), and its cosine to each example, (n,)."""
        cosines: Matrix = self.vectors @ vector
        scores: Matrix = _sharpen(cosines) @ self.semantic_weights * np.float32(1 - LEXICAL_SHARE)
        scores += self.sketch(text) @ self.lexical_weights * np.float32(LEXICAL_SHARE)
        return scores, cosines

    def judge(self, text: str, vector: Matrix) -> Evidence:
        """The evidence of one text, as one row."""
        scores, cosines = self.score(text, vector)
        return _weigh(scores[None], cosines[None], self.grouped)


@dataclass(frozen=True, slots=True)
class Fitted:
    """The classifier with its evidence on its own examples, each left out in turn.

    `unseen` leaves out the example alone; `foreign` leaves out the example's whole intent, so that it stands
    for a text out of scope (only rows with an intent, in order; its own intent's column is -1).
    """

    classifier: Classifier
    unseen: Evidence
    foreign: Evidence | None


def fit_classifier(
    texts: Sequence[str], vectors: Matrix, labels: NDArray[np.int64], *, foreign: bool
) -> Fitted:
    """Fits to n texts with their vectors (n, d) and labels (n,), -1 = no intent; O(n^3), 10,000 in some 10 s.

    `foreign` asks for the evidence with each intent left out. Source: Rifkin & Lippert 2007 for the
    leave-one-out form, extended from one row to a block of rows.
    """
    sketch = LexicalSketch(texts)
    lexical = sketch.rows(texts)
    targets = _one_hot(labels)
    kernel = _sharpen(vectors @ vectors.T)
    kernel *= np.float32(1 - LEXICAL_SHARE)
    scaled = lexical * np.float32(LEXICAL_SHARE**0.5)
    kernel += scaled @ scaled.T
    kernel[np.diag_indices_from(kernel)] += RIDGE
    factor = _invert_cholesky(kernel)
    weights = factor.T @ (factor @ targets)
    left_out = targets - weights / np.einsum("ij,ij->j", factor, factor)[:, None]
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1)
    grouped = Grouped.by_label(labels, targets.shape[1])
    unseen = _weigh(left_out, cosines, grouped)
    apart = _leave_intents_out(factor, targets, weights, unseen, labels) if foreign else None
    return Fitted(Classifier(vectors, grouped, sketch, weights, lexical.T @ weights), unseen, apart)


def _sharpen(cosines: Matrix) -> Matrix:
    """The radial kernel of vectors of length 1."""
    shifted: Matrix = (cosines - np.float32(1)) * np.float32(SHARPNESS)
    return np.exp(shifted, out=shifted)


def _one_hot(labels: NDArray[np.int64]) -> Matrix:
    targets = np.zeros((len(labels), int(labels.max()) + 1), dtype=np.float32)
    known = np.flatnonzero(labels >= 0)
    targets[known, labels[known]] = 1
    return targets


def _weigh(scores: Matrix, cosines: Matrix, grouped: Grouped) -> Evidence:
    nearest: Matrix = np.maximum.reduceat(cosines[:, grouped.known], grouped.starts, axis=1)
    return Evidence(scores, nearest, cosines[:, grouped.outside].max(axis=1, initial=0))


def _leave_intents_out(
    factor: Matrix, targets: Matrix, weights: Matrix, unseen: Evidence, labels: NDArray[np.int64]
) -> Evidence:
    scores, nearest = targets.copy(), unseen.nearest.copy()
    for intent in range(targets.shape[1]):
        rows = np.flatnonzero(labels == intent)
        block = factor[:, rows].T @ factor[:, rows]
        scores[rows] -= np.linalg.solve(block, weights[rows])
        scores[rows, intent] = nearest[rows, intent] = -1
    known = labels >= 0
    return Evidence(scores[known], nearest[known], unseen.outside[known])


def _invert_cholesky(kernel: Matrix) -> Matrix:
    """The inverse of the lower Cholesky factor, in the place of `kernel`: kernel^-1 = result.T @ result.

    By blocks, so that nearly all work is matrix products: NumPy has no triangular solver, and its
    general inverse takes three times as long.
    """
    size = len(kernel)
    for start in range(0, size, BLOCK):
        end = min(start + BLOCK, size)
        row = kernel[start:end]
        kernel[start:, start:end] -= kernel[start:, :start] @ row[:, :start].T
        corner = np.linalg.cholesky(row[:, start:end].astype(np.float64))
        inverse = np.tril(np.linalg.inv(corner)).astype(np.float32)
        kernel[end:, start:end] = kernel[end:, start:end] @ inverse.T
        # Rows above are needed no more as the factor, so its inverse takes their place.
        row[:, :start] = -inverse @ (row[:, :start] @ kernel[:start, :start])
        row[:, start:end] = inverse
        row[:, end:] = 0
    return kernel
