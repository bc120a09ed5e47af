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
    """What speaks for each intent: `scores` and `nearest` (highest cosine of its examples), (n, intents)."""

    scores: Matrix
    nearest: Matrix


@dataclass(frozen=True, slots=True)
class Classifier:
    """A fitted model. `labels` index the intents; -1 is an example that belongs to none.

    The kernel is 0.7 exp(3 (cos - 1)) of the meaning-vectors plus 0.3 times the dot product of the lexical
    sketches. An example without an intent has a zero target, so that it pulls all scores down around it.
    """

    vectors: Matrix
    labels: NDArray[np.int64]
    sketch: LexicalSketch
    semantic_weights: Matrix
    lexical_weights: Matrix

    def judge(self, text: str, vector: Matrix) -> tuple[Matrix, Matrix, Matrix]:
        """Scores (intents,), nearest cosine (intents,) and cosines to all examples (n,) of one text."""
        cosines: Matrix = self.vectors @ vector
        scores: Matrix = _sharpen(cosines) @ self.semantic_weights * np.float32(1 - LEXICAL_SHARE)
        scores += self.sketch(text) @ self.lexical_weights * np.float32(LEXICAL_SHARE)
        nearest = _nearest_by_intent(cosines[None], self.labels, scores.shape[0])[0]
        return scores, nearest, cosines


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
    cosines = vectors @ vectors.T
    kernel = _sharpen(cosines)
    kernel *= np.float32(1 - LEXICAL_SHARE)
    kernel += (lexical @ lexical.T) * np.float32(LEXICAL_SHARE)
    kernel[np.diag_indices_from(kernel)] += RIDGE
    factor = _invert_cholesky(kernel)
    weights = factor.T @ (factor @ targets)
    left_out = targets - weights / np.einsum("ij,ij->j", factor, factor)[:, None]
    np.fill_diagonal(cosines, -1)
    nearest = _nearest_by_intent(cosines, labels, targets.shape[1])
    apart = _leave_intents_out(factor, weights, targets, nearest, labels) if foreign else None
    model = Classifier(vectors, labels, sketch, weights, lexical.T @ weights)
    return Fitted(model, Evidence(left_out, nearest), apart)


def _sharpen(cosines: Matrix) -> Matrix:
    """The radial kernel of vectors of length 1."""
    sharpened: Matrix = np.exp(np.float32(SHARPNESS) * (cosines - np.float32(1)))
    return sharpened


def _one_hot(labels: NDArray[np.int64]) -> Matrix:
    targets = np.zeros((len(labels), int(labels.max()) + 1), dtype=np.float32)
    known = np.flatnonzero(labels >= 0)
    targets[known, labels[known]] = 1
    return targets


def _nearest_by_intent(cosines: Matrix, labels: NDArray[np.int64], intents: int) -> Matrix:
    """Highest cosine to an example of each intent, shape (rows, intents)."""
    order = np.argsort(labels, kind="stable")
    order = order[np.searchsorted(labels[order], 0) :]
    starts = np.searchsorted(labels[order], np.arange(intents))
    highest: Matrix = np.maximum.reduceat(cosines[:, order], starts, axis=1)
    return highest


def _leave_intents_out(
    factor: Matrix, weights: Matrix, targets: Matrix, nearest: Matrix, labels: NDArray[np.int64]
) -> Evidence:
    scores, near = targets.copy(), nearest.copy()
    for intent in range(targets.shape[1]):
        rows = np.flatnonzero(labels == intent)
        block = factor[:, rows].T @ factor[:, rows]
        scores[rows] -= np.linalg.solve(block, weights[rows])
        scores[rows, intent] = near[rows, intent] = -1
    known = labels >= 0
    return Evidence(scores[known], near[known])


def _invert_cholesky(kernel: Matrix) -> Matrix:
    """The inverse of the lower Cholesky factor, so that kernel^-1 = result.T @ result; destroys `kernel`.

    By blocks, so that nearly all work is matrix products: NumPy has no triangular solver, and its
    general inverse takes three times as long.
    """
    size = len(kernel)
    factor = np.zeros_like(kernel)
    for start in range(0, size, BLOCK):
        end = min(start + BLOCK, size)
        row = kernel[start:end]
        kernel[start:, start:end] -= kernel[start:, :start] @ row[:, :start].T
        corner = np.linalg.cholesky(row[:, start:end].astype(np.float64))
        inverse = np.tril(np.linalg.inv(corner)).astype(np.float32)
        kernel[end:, start:end] = kernel[end:, start:end] @ inverse.T
        factor[start:end, :start] = -inverse @ (row[:, :start] @ factor[:start, :start])
        factor[start:end, start:end] = inverse
    return factor
