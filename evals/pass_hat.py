"""pass^k: how likely a case passes every one of k plays, told from n plays of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import comb
from typing import Any

from evals.evidence import Evidence, evidence
from evals.intervals import Interval, interval_of
from evals.report import Report, evidence_of, figure_of

NAME = "pass_hat_"


@dataclass(frozen=True, slots=True)
class Steadiness:
    """pass^k of a source: the figure and its 95 % interval over cases."""

    suite: str
    source: str
    k: int
    value: float
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Flaky:
    """A case that passed some of its plays and not others."""

    suite: str
    case: str
    passed: int
    of: int


def pass_hat(passed: int, of: int, k: int) -> float:
    """The unbiased estimate C(passed, k) / C(of, k) of passing k plays in a row; 1 <= k <= of (tau-bench)."""
    return comb(passed, k) / comb(of, k)


def pass_hat_evidence(plays: Mapping[str, Iterable[bool]]) -> dict[str, Evidence]:
    """`pass_hat_k` for each k up to the number of plays, a row a case; nothing of cases played once.

    A row is a number from 0 to 1. It varies no more than a 0 or 1 of the same mean, so the interval of a
    share is wide enough for it, also where no case failed.
    """
    counted = {case: (sum(found), len(found)) for case, verdicts in plays.items() if (found := [*verdicts])}
    most = min((of for _, of in counted.values()), default=0)
    if most < 2:
        return {}
    return {
        f"{NAME}{k}": evidence("share", {case: pass_hat(*count, k) for case, count in counted.items()})
        for k in range(1, most + 1)
    }


def flaky(plays: Mapping[str, Iterable[bool]]) -> list[dict[str, Any]]:
    """`{case, passed, of}` of the cases that passed only some of their plays, the worst first."""
    counted: list[dict[str, Any]] = [
        {"case": case, "passed": sum(found), "of": len(found)}
        for case, verdicts in plays.items()
        if (found := [*verdicts])
    ]
    return sorted((one for one in counted if 0 < one["passed"] < one["of"]), key=lambda one: one["passed"])


def steadiness_of(report: Report) -> list[Steadiness]:
    """All pass^k of a report, source by source."""
    found = []
    for source, figures in report["by_source"].items():
        for k in range(1, report.get("times", 1) + 1):
            value = figure_of(figures, f"{NAME}{k}")
            rows = evidence_of(report, source, f"{NAME}{k}")
            if value is not None:
                found.append(
                    Steadiness(report["suite"], source, k, value, interval_of(rows) if rows else None)
                )
    return found


def flaky_of(report: Report) -> list[Flaky]:
    """The flaky cases that a report lists."""
    return [Flaky(report["suite"], **one) for one in report.get("flaky", [])]
