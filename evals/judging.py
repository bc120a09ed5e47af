"""Judging: the answers of a suite go before a judge, and only the corrected rate comes out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from evals.calibration import Calibration, Rate, corrected_rate, why_unusable
from evals.judges import PREFIX, Answered, Judge, Ruling
from evals.report import Report, rounded

OVERALL = "overall"


@dataclass(frozen=True, slots=True)
class Judging:
    """A judge and its calibration; without a usable one its figure stays unknown, whatever it says."""

    judge: Judge
    calibration: Calibration | None

    @property
    def figure(self) -> str:
        """The name of its figure."""
        return PREFIX + self.judge.name

    @property
    def why_unusable(self) -> str | None:
        """Why its figure stays unknown."""
        return why_unusable(self.judge, self.calibration)


async def with_judgement(report: Report, judging: Judging, answers: Sequence[tuple[str, Answered]]) -> Report:
    """The report with `judge_<name>` of each source, its interval, and `judged`: every verdict, row by row.

    `answers` are pairs of a source and an answer. A verdict of another model than the calibrated one counts
    as none.
    """
    rulings: dict[str, list[Ruling]] = defaultdict(list)
    rows = []
    for source, answered in answers:
        ruling = await judging.judge.rule(answered)
        rulings[source].append(ruling)
        rulings[OVERALL].append(ruling)
        rows.append({"source": source, **asdict(answered), **asdict(ruling)})
    rates = {source: _rate(judging, found) for source, found in rulings.items()}
    figures = {source: {judging.figure: rounded(rate.value)} for source, rate in rates.items()}
    intervals = {
        source: {judging.figure: [*map(rounded, rate.interval)]}
        for source, rate in rates.items()
        if rate.interval is not None
    }
    by_source = {
        source: {**found, **figures.get(source, {judging.figure: None})}
        for source, found in report["by_source"].items()
    }
    silent = [ruling.reason for ruling in rulings[OVERALL] if ruling.good is None]
    told = {
        "name": judging.judge.name,
        "prompt": judging.judge.prompt.version,
        "answers": len(rows),
        "silent": len(silent),
        "why": judging.why_unusable or (silent[0] if len(silent) == len(rows) and silent else None),
    }
    return {
        **report,
        "by_source": by_source,
        "overall": {**report["overall"], **figures.get(OVERALL, {judging.figure: None})},
        "intervals": intervals,
        "judge": told,
        "judged": rows,
    }


def _rate(judging: Judging, rulings: Sequence[Ruling]) -> Rate:
    calibration = judging.calibration
    if calibration is None or judging.why_unusable is not None:
        return Rate(None, None)
    known = [one.good for one in rulings if one.good is not None and one.model == calibration.model]
    return corrected_rate(calibration, sum(known), len(known), len(rulings) - len(known))
