"""The suite of gaps: its figures are what they say, and it gathers what is alike."""

from __future__ import annotations

import numpy as np

from evals.suites.faq_gaps import SLICE, evaluate_faq_gaps, figures
from tests.evals.test_routing_suite import WordVectors, row


def test_the_figures_are_what_their_names_say() -> None:
    gathered, meant = np.array([0, 0, 0, 0, 4, 4, 6]), np.array([0, 0, 0, 1, 1, 1, 2])
    assert figures(gathered, meant) == {
        "n": 7,
        "gaps": 1,
        "purity": 0.75,
        "in_gaps": 0.5714,
        "intents_found": 0.5,
        "pairwise_precision": 0.5714,
        "pairwise_recall": 0.6667,
        "pairwise_f1": 0.6154,
    }


def test_without_a_gap_there_is_no_purity() -> None:
    alone = figures(np.array([0, 1]), np.array([0, 0]))
    assert (alone["gaps"], alone["purity"], alone["in_gaps"]) == (0, None, 0)
    assert (alone["pairwise_precision"], alone["pairwise_recall"], alone["pairwise_f1"]) == (None, 0, 0)


async def test_each_source_is_gathered_by_itself_and_out_of_scope_is_left_out() -> None:
    rows = [
        row(f"{word} {place}", word, source)
        for source in ("shop", "bank")
        for word in ("parcel", "invoice")
        for place in range(SLICE)
    ]
    report = await evaluate_faq_gaps([*rows, row("parcel", "other", oos=True)], WordVectors())
    assert report["n"] == 4 * SLICE
    for source in ("shop", "bank"):
        found = report["by_source"][source]
        assert (found["n"], found["purity"], found["intents_found"]) == (2 * SLICE, 1, 1)
        assert found["pairwise_precision"] == 1
        assert 0 < found["pairwise_f1_in_slices"] <= found["pairwise_f1"]
