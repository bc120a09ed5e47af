"""Two reports are compared figure by figure, as closely as their rows allow."""

from __future__ import annotations

from typing import Any

import pytest

from desk.errors import InvalidInput
from evals.compare import compare
from evals.report import without_evidence
from evals.suites.pii import evaluate_pii


def report(*found: bool) -> dict[str, Any]:
    """A report of rows in which an address is found or, as it is no address, missed."""
    words = ["ada@example.com" if good else "an address" for good in found]
    return evaluate_pii(
        [
            {
                "id": f"row-{at}",
                "text": word,
                "spans": [{"start": 0, "end": len(word), "type": "EMAIL"}],
                "source": "s",
            }
            for at, word in enumerate(words)
        ]
    )


BEFORE, AFTER = report(*[True] * 10, *[False] * 10), report(*[True] * 20)


def of_figure(before: dict[str, Any], after: dict[str, Any], figure: str) -> Any:
    return next(found for found in compare(before, after) if found.figure == figure)


def test_with_rows_the_difference_is_paired() -> None:
    found = of_figure(BEFORE, AFTER, "structured_masked")
    assert (found.before, found.after, found.change) == (0.5, 1.0, 0.5)
    assert found.method == "paired"
    assert found.certain
    assert found.interval is not None
    assert 0.2 < found.interval[0] < 0.5 < found.interval[1] < 0.8


def test_without_rows_the_counts_serve() -> None:
    found = of_figure(without_evidence(BEFORE), without_evidence(AFTER), "structured_masked")
    assert found.method == "unpaired, by counts"
    assert found.certain


def test_a_figure_without_rows_has_no_interval() -> None:
    found = of_figure(BEFORE, AFTER, "us_per_kb")
    assert found.change is not None
    assert found.interval is None
    assert not found.certain


def test_a_report_is_no_different_from_itself() -> None:
    assert not any(found.certain for found in compare(BEFORE, BEFORE))


def test_a_source_that_only_one_report_knows_has_no_change() -> None:
    found = of_figure({**BEFORE, "by_source": {}, "evidence": {}, "counts": {}}, AFTER, "f2")
    assert (found.before, found.change, found.interval) == (None, None, None)


def test_other_suites_and_definitions_are_not_compared() -> None:
    for key in ("suite", "definition_version"):
        with pytest.raises(InvalidInput, match=key):
            list(compare(BEFORE, {**AFTER, key: "other"}))
