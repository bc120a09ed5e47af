"""The lean of questions: what is kept of it, and that what is stored does not lean."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from desk.domain import Principal
from desk.models.embeddings import MiniLM
from desk.retrieval import lean as leaning
from desk.retrieval import split
from desk.retrieval.ingest import ingest
from desk.retrieval.lean import lean
from desk.storage.faqs import FaqEntry
from desk.storage.pool import Database
from evals.training.lean import Intent, learn

CARD = FaqEntry("card", "Replacement card", "We send a new card within a week.")


def _rows(count: int, size: int = 384, seed: int = 1) -> leaning.Vectors:
    rows = np.random.default_rng(seed).normal(size=(count, size)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def test_a_leant_row_has_length_one_and_stays_near() -> None:
    rows = _rows(20)
    leant = lean(rows, MiniLM.name)
    assert np.linalg.norm(leant, axis=1) == pytest.approx(1, abs=1e-5)
    assert (leant * rows).sum(axis=1).min() > 0.8
    assert not np.array_equal(leant, rows)


def test_a_row_leans_the_same_whatever_it_is_asked_with() -> None:
    rows = _rows(5)
    assert lean(rows, MiniLM.name)[2] == pytest.approx(lean(rows[2:3], MiniLM.name)[0], abs=1e-6)


def test_vectors_of_another_model_are_left_as_they_are() -> None:
    rows = _rows(3, size=12)
    assert lean(rows, "some other model") is rows


async def test_what_is_stored_does_not_lean(database: Database, embedder: MiniLM, admin: Principal) -> None:
    await ingest(database, embedder, admin, [CARD])
    async with database.tenant_tx(admin) as tx:
        cursor = await tx.execute("select embedding::text from faq_embeddings")
        [[stored]] = await cursor.fetchall()
    made = split.join(CARD, await embedder.embed(split.texts(CARD)))[0]
    assert np.array(stored.strip("[]").split(","), dtype=np.float32) == pytest.approx(made, abs=1e-6)


def test_what_was_learned_is_kept_within_a_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    residual = _rows(384) * 0.1
    leaning.save(residual, tmp_path / "lean.npz")
    monkeypatch.setattr(leaning, "WEIGHTS", tmp_path / "lean.npz")
    leaning._residual.cache_clear()
    rows = _rows(4, seed=2)
    wanted = rows + rows @ residual
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    try:
        assert lean(rows, MiniLM.name) == pytest.approx(wanted, abs=1e-3)
    finally:
        leaning._residual.cache_clear()


def test_messages_learn_to_be_told_apart_by_what_they_want() -> None:
    """Two numbers say what is wanted, ten how it is said; of the latter little is left."""
    chance = np.random.default_rng(3)
    wants = [np.array([np.cos(at), np.sin(at)]) for at in np.linspace(0, np.pi, 8)]

    def said(want: NDArray[np.float64]) -> leaning.Vectors:
        rows = np.hstack([np.tile(want, (30, 1)), chance.normal(size=(30, 10)) * 0.5])
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)

    residual = learn([[Intent(said(want), None) for want in wants]])
    assert residual == pytest.approx(residual.T, abs=1e-6)
    kept = np.diag(residual)
    assert kept[:2].min() > kept[2:].max()
