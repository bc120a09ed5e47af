"""The routing suite's figures are what their definitions say."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from desk.errors import InvalidInput
from evals.suites.routing import Judged, area_under_roc, evaluate_routing, figures, fold_of


class WordVectors:
    """An embedder in which texts are near when they share words."""

    name = "words"
    dimensions = 64
    words: frozenset[str] = frozenset()

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.full((len(texts), self.dimensions), 1e-3, dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.lower().split():
                row[hashlib.sha256(word.encode()).digest()[0] % self.dimensions] += 1
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def row(text: str, intent: str, source: str = "shop", *, oos: bool = False) -> dict[str, Any]:
    return {"text": text, "intent": intent, "source": source, "oos": oos}


ENDINGS = ("now", "today", "please", "soon", "again", "friend", "quickly", "once", "then", "here")
EXAMPLES = [row(f"send parcel {end}", "parcel") for end in ENDINGS] + [
    row(f"pay invoice {end}", "invoice") for end in ENDINGS
]


def judged(right: list[int], confidence: list[float], outside: list[int], least: float = 0.7) -> Judged:
    return Judged(
        np.array(right, dtype=np.bool_),
        np.array(confidence),
        np.array(outside, dtype=np.bool_),
        np.ones(len(right)),
        np.array(confidence) >= least,
    )


def test_figures_of_a_case_worked_by_hand() -> None:
    found = figures(judged([1, 1, 0, 0, 0], [0.9, 0.8, 0.4, 0.6, 0.1], [0, 0, 0, 1, 1]))
    assert found == {
        "n": 5,
        "accuracy_in_scope": 0.6667,
        "oos_auroc": 0.8333,
        "oos_recall_at_5pct_rejection": 0.5,
        "precision_at_60pct_coverage": 0.6667,
        "promise_held": 1.0,
        "coverage_at_2pct_error": 0.0,
        "own_promise_error": 0.0,
        "own_promise_coverage": 0.6667,
    }


def test_what_is_always_right_is_answered_and_the_promise_held() -> None:
    found = figures(judged([1] * 1000, [0.995] * 1000, [0] * 1000))
    assert (found["promise_held"], found["coverage_at_2pct_error"]) == (1.0, 1.0)
    doubtful = figures(judged([1, 0] * 500, [0.995] * 1000, [0] * 1000))
    assert doubtful["coverage_at_2pct_error"] == 0.0


def test_a_promise_counts_what_is_out_of_scope_and_answered_as_wrong() -> None:
    found = figures(judged([1, 1, 0, 0], [0.9, 0.8, 0.4, 0.75], [0, 0, 0, 1]))
    assert (found["own_promise_error"], found["own_promise_coverage"]) == (0.3333, 0.6667)
    silent = figures(judged([1, 1], [0.9, 0.8], [0, 0], least=1.0))
    assert (silent["own_promise_error"], silent["own_promise_coverage"]) == (None, 0.0)


def test_without_rows_out_of_scope_their_figures_are_null() -> None:
    found = figures(judged([1, 0], [0.9, 0.2], [0, 0]))
    assert found["oos_auroc"] is None
    assert found["oos_recall_at_5pct_rejection"] is None
    assert found["accuracy_in_scope"] == 0.5


def test_ties_count_half() -> None:
    assert area_under_roc(np.array([0.5, 0.5]), np.array([0.5])) == 0.5
    assert area_under_roc(np.array([0.9, 0.5]), np.array([0.5, 0.1])) == 0.875


def test_folds_do_not_see_digits_punctuation_or_case() -> None:
    assert fold_of("Where is order 100234?") == fold_of("where is order #77!")
    assert {fold_of(f"text {word}") for word in "abcdefghijklmnop"} == {0, 1, 2, 3, 4}


async def test_folds_of_the_examples_judge_every_row_once() -> None:
    found = await evaluate_routing(EXAMPLES, None, WordVectors())
    assert found["by_source"]["shop"]["n"] == 20
    assert found["by_source"]["shop"]["accuracy_in_scope"] == 1.0
    assert found["timing"]["p99_ms"] >= found["timing"]["p50_ms"] > 0
    same = await evaluate_routing(EXAMPLES, list(EXAMPLES), WordVectors())
    assert same["by_source"] == found["by_source"]


async def test_labels_of_another_source_never_help() -> None:
    elsewhere = [row(f"play music {end}", "music", "radio") for end in ENDINGS]
    asked = [row("play music loudly", "music"), row("send parcel north", "parcel"), row("x", "y", "nowhere")]
    found = await evaluate_routing([*EXAMPLES, *elsewhere], asked, WordVectors())
    assert found["by_source"]["shop"] == figures(judged([0, 1], [0.1, 0.9], [0, 0], least=1.0))
    assert found["by_source"]["nowhere"]["n"] == 1
    assert found["by_source"]["nowhere"]["accuracy_in_scope"] is None
    assert found["n"] == 3


async def test_rows_out_of_scope_are_wrong_whatever_the_router_says() -> None:
    asked = [row("send parcel north", "oos", oos=True), row("send parcel south", "parcel")]
    found = (await evaluate_routing(EXAMPLES, asked, WordVectors()))["by_source"]["shop"]
    assert found["accuracy_in_scope"] == 1.0
    assert found["precision_at_60pct_coverage"] in {0.0, 1.0}
    assert found["oos_auroc"] is not None


async def test_a_row_without_its_keys_is_named() -> None:
    with pytest.raises(InvalidInput, match="Row 2"):
        await evaluate_routing([EXAMPLES[0], {"text": "x"}], None, WordVectors())
