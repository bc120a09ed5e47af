"""The report of a suite as plain data, and how a figure of it is found by its dotted name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from evals.evidence import Evidence

Report = dict[str, Any]
Figures = dict[str, Any]
EvidenceBySource = Mapping[str, Mapping[str, Evidence]]


def build_report(
    suite: str,
    version: int,
    by_source: Mapping[str, Figures],
    overall: Figures,
    times_ms: Sequence[float],
    evidence: EvidenceBySource,
) -> Report:
    """`{suite, n, by_source, overall, timing, definition_version}`, and what its figures were counted from.

    `counts` says for each share of how many it is one; `evidence` holds the rows and is left out of a file
    unless it is asked for.
    """
    return {
        "suite": suite,
        "n": overall["n"],
        "by_source": dict(by_source),
        "overall": overall,
        "timing": timing(times_ms),
        "definition_version": version,
        "counts": {
            source: {figure: len(found.ids) for figure, found in figures.items() if found.kind == "share"}
            for source, figures in evidence.items()
        },
        "evidence": {
            source: {figure: found.to_json() for figure, found in figures.items()}
            for source, figures in evidence.items()
        },
    }


def timing(times_ms: Sequence[float]) -> dict[str, float | None]:
    """The median and the 99th percentile in milliseconds; null without a time."""
    return {
        f"p{point}_ms": round(float(np.percentile(times_ms, point)), 3) if len(times_ms) else None
        for point in (50, 99)
    }


def rounded(figure: float | None) -> float | None:
    """A figure as it is printed: four decimals."""
    return None if figure is None else round(figure, 4)


def share(good: int, of: int) -> float | None:
    """`good` of `of`; None of nothing."""
    return rounded(good / of) if of else None


def figure_of(figures: Figures, name: str) -> float | None:
    """A figure by its dotted name, such as `by_type.EMAIL.fully_masked`; None when it is not there."""
    found: Any = figures
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found if isinstance(found, int | float) else None


def figure_names(figures: Figures, prefix: str = "") -> list[str]:
    """The dotted names of all figures."""
    names: list[str] = []
    for key, value in figures.items():
        if isinstance(value, dict):
            names += figure_names(value, f"{prefix}{key}.")
        else:
            names.append(f"{prefix}{key}")
    return names


def evidence_of(report: Report, source: str, figure: str) -> Evidence | None:
    """What a figure was counted from, if the suite tells."""
    stored = report.get("evidence", {}).get(source, {}).get(figure)
    return None if stored is None else Evidence.from_json(stored)


def count_of(report: Report, source: str, figure: str) -> tuple[float, int] | None:
    """How many of how many a share is; None when the suite does not tell."""
    of = report.get("counts", {}).get(source, {}).get(figure)
    value = figure_of(report["by_source"].get(source, {}), figure)
    return (value * of, of) if of and value is not None else None


def without_evidence(report: Report) -> Report:
    """The report without its rows."""
    return {key: value for key, value in report.items() if key not in {"evidence", "judged", "talks"}}
