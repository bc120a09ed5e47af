"""Tables for the terminal: a report's figures, the gate's verdicts, what changed between two reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from rich.table import Table

from evals.calibration import Calibration, agreement_rows
from evals.compare import Difference
from evals.gate import Verdict
from evals.intervals import Interval
from evals.judges import PREFIX
from evals.pass_hat import NAME, Flaky, Steadiness
from evals.power import Told
from evals.regression import Regression, State
from evals.report import Figures, Report, figure_names, figure_of

_COLOURS: Mapping[str, str] = MappingProxyType(
    {"PASS": "green", "FAIL": "bold red", "INCONCLUSIVE": "yellow", "SKIPPED": "dim"}
)

REGRESSION_COLUMNS = ("suite", "source", "figure", "rows", "before", "after", "lost", "p", "verdict")
STEADINESS_COLUMNS = ("suite", "source", "figure", "value", "95 %")
FLAKY_COLUMNS = ("suite", "case", "passed")

_POWER = ("rows", "churn", "true loss", "FAIL", "PASS", "INCONCLUSIVE", "rows looked at")


def report_table(report: Report) -> Table:
    """The figures of each source side by side, all of them together last."""
    columns: dict[str, Figures] = {**report["by_source"], "overall": report["overall"]}
    times = ", ".join(f"{name} {value}" for name, value in report["timing"].items())
    table = Table(title=f"{report['suite']}: {report['n']} rows; {times}", title_justify="left")
    table.add_column("figure", no_wrap=True)
    for source in columns:
        table.add_column(source, justify="right", overflow="fold")
    for name in dict.fromkeys(name for figures in columns.values() for name in figure_names(figures)):
        table.add_row(name, *(_number(figure_of(figures, name)) for figures in columns.values()))
    return table


def judge_line(report: Report) -> str | None:
    """What a judge came to, in one line; None when none was asked."""
    judge = report.get("judge")
    if judge is None:
        return None
    name = f"{PREFIX}{judge['name']}"
    value = figure_of(report["overall"], name)
    seen = f"{judge['answers']} answers, {judge['silent']} without a verdict"
    if value is None:
        return f"{name}: not known ({judge['why'] or 'the judge is no better than chance'}); {seen}"
    low, high = report["intervals"]["overall"][name]
    return f"{name}: {value:.4f}, 95 % {low:.4f} to {high:.4f}, corrected for the judge's errors; {seen}"


def agreement_table(found: Calibration) -> Table:
    """How far a judge agrees with the labels."""
    seen = f"{found.n} labels, {found.silent} more without a verdict"
    title = f"{found.judge}@{found.version} by {found.model}: {seen}"
    table = Table(title=title, title_justify="left")
    for column in ("figure", "value", "95 %"):
        table.add_column(column, justify="left" if column == "figure" else "right")
    for name, value, interval in agreement_rows(found):
        table.add_row(name, _number(value), interval_text(interval))
    return table


def verdict_table(verdicts: Iterable[Verdict]) -> Table:
    """One line a goal."""
    table = Table(title="Gate", title_justify="left")
    for column in ("suite", "source", "figure", "goal", "value", "95 %", "verdict"):
        right = column in {"goal", "value", "95 %"}
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    for verdict in verdicts:
        colour = _COLOURS[verdict.state]
        said = f"[{colour}]{verdict.state}[/]" + (f" ({verdict.why})" if verdict.why else "")
        table.add_row(*verdict_cells(verdict), said)
    return table


def verdict_cells(verdict: Verdict) -> tuple[str, str, str, str, str, str]:
    """Suite, source, figure, goal, value and interval of a verdict, to be read."""
    goal = verdict.goal
    bound = f"{'≤' if goal.at_most else '≥'} {goal.goal:g}"
    return (
        verdict.suite,
        goal.source,
        goal.figure,
        bound,
        _number(verdict.value),
        interval_text(verdict.interval),
    )


def regression_table(found: Iterable[Regression]) -> Table:
    """One line a figure that the baseline has too."""
    table = Table(title="Beside the baseline", title_justify="left")
    for column in REGRESSION_COLUMNS:
        right = column in {"rows", "before", "after", "lost", "p"}
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    for one in found:
        table.add_row(*regression_cells(one), f"[{_COLOURS[one.state]}]{one.state}[/]")
    return table


def regression_cells(found: Regression) -> tuple[str, ...]:
    """Suite, source, figure, rows, before, after, what was lost and its probability, to be read."""
    numbers = (_number(found.rows), _number(found.before), _number(found.after), interval_text(found.drop))
    return (found.suite, found.goal.source, found.goal.figure, *numbers, f"{found.p:.4f}")


def steadiness_table(found: Iterable[Steadiness]) -> Table:
    """One line a pass^k."""
    table = Table(title="Every time? (pass^k)", title_justify="left")
    for column in STEADINESS_COLUMNS:
        table.add_column(column, justify="right" if column in {"value", "95 %"} else "left", overflow="fold")
    for one in found:
        table.add_row(*steadiness_cells(one))
    return table


def steadiness_cells(found: Steadiness) -> tuple[str, str, str, str, str]:
    """Suite, source, figure, value and interval of a pass^k, to be read."""
    value = _number(found.value)
    return found.suite, found.source, f"{NAME}{found.k}", value, interval_text(found.interval)


def flaky_cells(found: Flaky) -> tuple[str, str, str]:
    """Suite, case, and how many of its plays passed, to be read."""
    return found.suite, found.case, f"{found.passed} of {found.of}"


def power_table(found: Iterable[Told]) -> Table:
    """One line a setting: how often equal or worse rows came to which verdict."""
    table = Table(title="How often the gate is wrong", title_justify="left")
    table.add_column("judged")
    for column in _POWER:
        table.add_column(column, justify="right")
    for told in found:
        setting = told.setting
        states: tuple[State, ...] = ("FAIL", "PASS", "INCONCLUSIVE")
        shares = (f"{told.shares[state]:.1%}" for state in states)
        numbers = (f"{setting.rows:,}", f"{setting.churn:.0%}", f"{setting.drop:.0%}", *shares)
        table.add_row(setting.method, *numbers, f"{told.rows:,}")
    return table


def difference_table(differences: Iterable[Difference]) -> Table:
    """One line a figure; what certainly changed stands out."""
    table = Table(title="B minus A", title_justify="left")
    for column in ("source", "figure", "A", "B", "difference", "95 %", "by"):
        table.add_column(column, justify="left" if column in {"source", "figure", "by"} else "right")
    for found in differences:
        change = "" if found.change is None else f"{found.change:+.4f}"
        table.add_row(
            found.source,
            found.figure,
            _number(found.before),
            _number(found.after),
            f"[bold]{change}[/]" if found.certain else change,
            interval_text(found.interval),
            found.method,
        )
    return table


def interval_text(interval: Interval | None) -> str:
    """The interval as it is read."""
    return "" if interval is None else f"{interval[0] + 0.0:.4f} to {interval[1] + 0.0:.4f}"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
