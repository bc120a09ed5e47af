"""The whole gate: every run is held to its goals and to its baseline, and the gate checks itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from desk.errors import InvalidInput
from evals.baselines import read_baseline
from evals.gate import Goal, Run, Verdict, judge, skipped
from evals.pass_hat import Flaky, Steadiness, flaky_of, steadiness_of
from evals.registry import Ground, judging_of, run_suite
from evals.regression import Regression, regressions, settle
from evals.report import Report
from evals.self_check import SelfCheck, self_check


@dataclass(frozen=True, slots=True)
class Failure:
    """A case of a suite that failed, as the suite tells it."""

    suite: str
    told: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a gate came to; `check` is None where no figure could be resampled.

    `steadiness` and `flaky` are of cases that were played more than once.
    """

    verdicts: tuple[Verdict, ...]
    beside: tuple[Regression, ...] = ()
    check: SelfCheck | None = None
    failures: tuple[Failure, ...] = ()
    seconds: float = 0.0
    steadiness: tuple[Steadiness, ...] = ()
    flaky: tuple[Flaky, ...] = ()

    @property
    def states(self) -> list[str]:
        """The state of every verdict, the self-check's last."""
        checked = [self.check.state] if self.check else []
        return [*(one.state for one in self.verdicts), *(one.state for one in self.beside), *checked]

    @property
    def red(self) -> bool:
        """Whether anything is certainly missed, worse, or wrong with the gate itself."""
        return "FAIL" in self.states


def unjudged(report: Report, seconds: float) -> Judgement:
    """A report by itself, held to nothing, in the form that pages are made of."""
    return Judgement(
        (),
        failures=_failures(report),
        steadiness=(*steadiness_of(report),),
        flaky=(*flaky_of(report),),
        seconds=seconds,
    )


async def run_gate(runs: Sequence[Run], ground: Ground, say: Callable[[str], None]) -> Judgement:
    """Measure and judge; `say` hears of progress. Raises InvalidInput when a judge may decide nothing."""
    began = time.monotonic()
    _check_judges(runs, ground)
    verdicts: list[Verdict] = []
    beside: list[Regression] = []
    failures: list[Failure] = []
    measured: list[tuple[Report, Sequence[Goal]]] = []
    steadiness: list[Steadiness] = []
    flaky: list[Flaky] = []
    for number, run in enumerate(runs, 1):
        if run.missing is not None:
            verdicts += skipped(run)
            continue
        say(f"[{number}/{len(runs)}] {run.suite}: {', '.join(sorted(run.inputs.sources))} ...")
        started = time.monotonic()
        report = await run_suite(run.suite, run.inputs, ground)
        verdicts += judge(run, report)
        before = read_baseline(run)
        if before is not None:
            beside += regressions(before, report, run.goals)
            measured.append((report, run.goals))
        failures += _failures(report)
        steadiness += steadiness_of(report)
        flaky += flaky_of(report)
        say(f"      {time.monotonic() - started:.1f} s")
    check = await asyncio.to_thread(self_check, measured)
    return Judgement(
        tuple(verdicts),
        tuple(settle(beside)),
        check,
        tuple(failures),
        time.monotonic() - began,
        tuple(steadiness),
        tuple(flaky),
    )


def _check_judges(runs: Sequence[Run], ground: Ground) -> None:
    for run in runs:
        judging = judging_of(run.inputs, ground)
        if judging is not None and judging.why_unusable is not None:
            raise InvalidInput(judging.why_unusable)


def _failures(report: Report) -> tuple[Failure, ...]:
    return tuple(Failure(report["suite"], told) for told in report.get("failed", []))
