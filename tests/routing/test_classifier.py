"""The closed forms of the classifier say what leaving rows out and fitting again would say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from desk.routing import classifier
from desk.routing.classifier import Fitted, fit_classifier
from desk.routing.lexical import LexicalSketch

TEXTS = [f"{subject} {verb}" for subject in ("red cars", "blue birds", "old books") for verb in "abcdefg"]
LABELS = np.repeat(np.arange(3), 7)


@pytest.fixture(scope="module")
def vectors() -> NDArray[np.float32]:
    rows = np.random.default_rng(7).normal(size=(21, 16)) + np.repeat(np.eye(3, 16) * 3, 7, axis=0)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / lengths, dtype=np.float32)


@pytest.fixture
def same_sketch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Word rarity stays that of all texts, as leaving a row out does not count words again."""
    sketch = LexicalSketch(TEXTS)
    monkeypatch.setattr(classifier, "LexicalSketch", lambda _: sketch)


def fit(vectors: NDArray[np.float32], kept: NDArray[np.bool_]) -> Fitted:
    texts = [text for text, wanted in zip(TEXTS, kept, strict=True) if wanted]
    return fit_classifier(texts, vectors[kept], LABELS[kept], foreign=True)


@pytest.mark.parametrize("row", [0, 9, 20])
def test_leaving_one_out_equals_fitting_without_it(
    vectors: NDArray[np.float32], same_sketch: None, row: int
) -> None:
    everything = fit(vectors, np.ones(21, dtype=np.bool_))
    without = fit(vectors, np.arange(21) != row).classifier
    evidence = without.judge(TEXTS[row], vectors[row])
    np.testing.assert_allclose(everything.unseen.scores[row], evidence.scores[0], atol=1e-4)
    np.testing.assert_allclose(everything.unseen.nearest[row], evidence.nearest[0], atol=1e-5)


def test_leaving_an_intent_out_equals_fitting_without_it(
    vectors: NDArray[np.float32], same_sketch: None
) -> None:
    apart = fit(vectors, np.ones(21, dtype=np.bool_)).foreign
    assert apart is not None
    without = fit(vectors, LABELS != 2).classifier
    for row in range(14, 21):
        evidence = without.judge(TEXTS[row], vectors[row])
        np.testing.assert_allclose(apart.scores[row, :2], evidence.scores[0], atol=1e-4)
        np.testing.assert_allclose(apart.nearest[row, :2], evidence.nearest[0], atol=1e-5)
        assert apart.scores[row, 2] == -1


@given(st.integers(1, 40), st.integers(1, 9), st.integers(0, 9))
@settings(max_examples=30, deadline=None)
def test_the_blocked_inverse_is_the_inverse(size: int, block: int, seed: int) -> None:
    root = np.random.default_rng(seed).normal(size=(size, size))
    matrix = (root @ root.T / size + np.eye(size)).astype(np.float32)
    before = classifier.BLOCK
    classifier.BLOCK = block
    try:
        factor = classifier._invert_cholesky(matrix.copy())
    finally:
        classifier.BLOCK = before
    np.testing.assert_allclose(factor.T @ factor @ matrix, np.eye(size), atol=1e-4)


@given(st.text(max_size=300))
@settings(max_examples=80, deadline=None)
def test_any_text_has_a_bounded_sketch(text: str) -> None:
    sketch = LexicalSketch(["where is my order", "hello"])(text)
    assert sketch.shape == (1024,)
    assert np.isfinite(sketch).all()


def test_sketches_keep_the_similarity_of_words() -> None:
    sketch = LexicalSketch(["where is my order", "play some music", "order a pizza"])
    order, tracked, music = sketch.rows(["where is my order", "WHERE is my order?!", "play some music"])
    assert float(order @ tracked) == pytest.approx(float(order @ order), abs=1e-6)
    assert abs(float(order @ music)) < 0.3


def test_a_letter_beyond_ascii_changes_no_other_part() -> None:
    sketch = LexicalSketch(["where is my order", "play some music"])
    plain, accented = sketch("where is my order"), sketch("where is my order é")
    assert plain @ accented > 0.9
