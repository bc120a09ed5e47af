"""Leans the vector of a question away from how people talk to support, towards what they want of it.

Trained on English by `python -m evals.training.lean`.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from desk.models.embeddings import MiniLM

Vectors = NDArray[np.float32]

WEIGHTS: Final = Path(__file__).parent / "lean.npz"
# The model whose vectors it was learned on; those of another one are left as they are.
MODEL: Final = MiniLM.name


def lean(vectors: Vectors, model: str) -> Vectors:
    """Rows of length 1 for the rows of questions that `model` embedded, shape (n, dimensions).

    Only what is asked is leant. What is stored stays as it is, so nothing is embedded again.
    """
    if model != MODEL:
        return vectors
    leant = vectors + vectors @ _residual()
    return np.asarray(leant / np.linalg.norm(leant, axis=-1, keepdims=True), dtype=np.float32)


def save(residual: Vectors, to: Path) -> None:
    """Keep a symmetric matrix (d, d), to be added to the identity, in a byte a number."""
    scale = float(np.abs(residual).max()) / 127
    np.savez_compressed(to, residual=np.round(residual / scale).astype(np.int8), scale=np.float32(scale))


@lru_cache(maxsize=1)
def _residual() -> Vectors:
    with np.load(WEIGHTS) as kept:
        residual: Vectors = kept["residual"] * kept["scale"]
    return residual
