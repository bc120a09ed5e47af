"""The gate as a page: every figure with its interval, the worst first, and the cases that failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from itertools import groupby
from typing import Any, TypeVar

from evals.gate import State, Verdict
from evals.interval_charts import LOSSES, SHARES, axis, interval_line, stacked_bar
from evals.judgement import Failure, Judgement
from evals.page_style import STYLE
from evals.regression import ALPHA, MARGIN, Regression
from evals.steadiness_page import steadiness_section
from evals.tables import interval_text, verdict_cells

MOST_CASES = 40
_ORDER: tuple[State, ...] = ("FAIL", "INCONCLUSIVE", "PASS", "SKIPPED")
_LONGEST = 420

Found = TypeVar("Found", Verdict, Regression)


def to_html(judgement: Judgement) -> str:
    """The whole page; every text is escaped, and nothing is loaded."""
    told = [one for one in judgement.verdicts if one.state != "SKIPPED"]
    left_out = [one for one in judgement.verdicts if one.state == "SKIPPED"]
    parts = [
        _head(judgement),
        _section("Is it good enough?", _GOALS_NOTE, _groups(told, _goal_table)) if told else "",
        _section("Has it got worse?", _loss_note(judgement), _groups(judgement.beside, _loss_table))
        if judgement.beside
        else "",
        steadiness_section(judgement.steadiness, judgement.flaky),
        _cases(judgement.failures),
        _skipped(left_out),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Eval gate</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


_GOALS_NOTE = (
    "The dot is what was measured, the bar its 95 % interval, the upright line the goal; in the shaded "
    "ground the goal is missed. PASS: the whole bar is clear of it. FAIL: the whole bar is in it."
)
_LOSS_NOTE = (
    f"What was lost since the baseline, in points, with its 95 % interval; right of {MARGIN * 100:.0f} is "
    f"too much. FAIL also needs p below {ALPHA:g}: how likely any figure of equal things loses so much."
)


def _loss_note(judgement: Judgement) -> str:
    return f"{_LOSS_NOTE} {judgement.check.told()}." if judgement.check else _LOSS_NOTE


def _head(judgement: Judgement) -> str:
    counts = [(state, judgement.states.count(state)) for state in _ORDER if state in judgement.states]
    chips = "".join(f'<span class="chip {state}">{count} {state}</span>' for state, count in counts)
    failed = judgement.states.count("FAIL")
    said = f"Red: {failed} certainly missed" if failed else "Not red: nothing is certainly missed"
    if not judgement.states:
        said = "Measured, and held to no goal"
    tone = "FAIL" if judgement.red else "PASS"
    return (
        f'<header class="{tone}"><div><h1>{said}</h1><p>Eval gate of {len(judgement.verdicts)} goals and '
        f"{len(judgement.beside)} figures beside their baseline, {judgement.seconds:.0f} s</p>"
        f'</div><div class="sum">{chips}{stacked_bar(counts)}</div></header>'
    )


def _section(title: str, note: str, inner: str) -> str:
    return f'<section><h2>{title}</h2><p class="note">{escape(note)}</p>{inner}</section>'


def _groups(found: Sequence[Found], table: Callable[[list[Found]], str]) -> str:
    """A card for each source of each suite; the card with the worst verdict first."""
    by_source = [
        (key, sorted(group, key=_badness))
        for key, group in groupby(
            sorted(found, key=lambda one: (one.suite, one.goal.source)),
            lambda one: (one.suite, one.goal.source),
        )
    ]
    return "".join(
        f'<div class="card"><h3>{escape(suite)} <small>{escape(source)}</small></h3>{table(group)}</div>'
        for (suite, source), group in sorted(by_source, key=lambda one: _badness(one[1][0]))
    )


def _badness(one: Verdict | Regression) -> tuple[int, float]:
    """The worst first: by verdict, then by how far the doubtful end of the interval is on the wrong side."""
    if isinstance(one, Regression):
        return _ORDER.index(one.state), MARGIN - one.drop[1]
    if one.interval is None:
        return _ORDER.index(one.state), -1.0
    low, high = one.interval
    return _ORDER.index(one.state), one.goal.goal - high if one.goal.at_most else low - one.goal.goal


def _goal_table(verdicts: list[Verdict]) -> str:
    return _table(("figure", axis(SHARES, "%"), "value", "95 %", "goal", ""), map(_goal_row, verdicts))


def _goal_row(verdict: Verdict) -> str:
    _, _, figure, goal, value, interval = verdict_cells(verdict)
    told = f"{figure}: {value}, 95 % {interval or 'not known'}, goal {goal}"
    chart = (
        interval_line(
            SHARES,
            verdict.value,
            verdict.interval,
            goal=verdict.goal.goal,
            worse_above=verdict.goal.at_most,
            told=told,
        )
        if verdict.value is not None
        else ""
    )
    why = f"<br><small>{escape(verdict.why)}</small>" if verdict.why else ""
    return _row(verdict.state, figure, chart, (value, interval, goal), why)


def _loss_table(found: list[Regression]) -> str:
    columns = ("figure", axis(LOSSES, ""), "before", "after", "lost", "p", "rows", "")
    return _table(columns, map(_loss_row, found))


def _loss_row(one: Regression) -> str:
    lost = one.after - one.before if one.goal.at_most else one.before - one.after
    told = (
        f"{one.goal.figure}: {one.before:.4f} before, {one.after:.4f} after, lost {interval_text(one.drop)}"
    )
    chart = interval_line(LOSSES, lost, one.drop, goal=MARGIN, worse_above=True, told=told)
    numbers = (f"{one.before:.4f}", f"{one.after:.4f}", _points(lost), f"{one.p:.4f}", f"{one.rows:,}")
    return _row(one.state, one.goal.figure, chart, numbers)


def _points(lost: float) -> str:
    return f"{lost * 100:+.1f}" if round(lost, 3) else "0.0"


def _row(state: State, figure: str, chart: str, numbers: Sequence[str], why: str = "") -> str:
    cells = "".join(f'<td class="num">{escape(number)}</td>' for number in numbers)
    return (
        f'<tr class="{state}"><td class="name">{escape(figure)}{why}</td>'
        f'<td class="chart">{chart}</td>{cells}'
        f'<td class="said"><span class="chip">{state}</span></td></tr>'
    )


def _table(columns: Sequence[str], rows: Iterable[str]) -> str:
    """Columns are text or a chart's scale; all between the chart and the verdict are numbers."""
    kinds = ("name", "chart", *["num"] * (len(columns) - 3), "said")
    head = "".join(f'<th class="{kind}">{column}</th>' for kind, column in zip(kinds, columns, strict=True))
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def _cases(failures: Sequence[Failure]) -> str:
    if not failures:
        return ""
    worst = sorted(failures, key=lambda one: -len(_wrong(one.told)))
    rows = "".join(_case_rows(worst[:MOST_CASES]))
    left = len(worst) - MOST_CASES
    more = f"<p><small>and {left} more</small></p>" if left > 0 else ""
    note = "What was found wrong with most of them first. A case may fail while its suite is good enough."
    head = '<tr><th class="case">case</th><th>said</th><th>got</th><th class="wrong">wrong</th></tr>'
    inner = f'<div class="card"><table class="cases">{head}{rows}</table></div>{more}'
    return _section(f"Cases that failed ({len(failures)})", note, inner)


def _case_rows(failures: Iterable[Failure]) -> Iterator[str]:
    for one in failures:
        told = one.told
        name = str(told.get("case") or told.get("question") or told.get("id") or "")
        chips = " ".join(f'<span class="chip FAIL">{escape(wrong)}</span>' for wrong in _wrong(told))
        yield (
            f"<tr><td>{escape(name)}<br><small>{escape(one.suite)}</small></td>"
            f"<td>{escape(_short(str(told.get('said', ''))))}{_transcript(told)}</td>"
            f"<td>{_got(told)}</td><td>{chips}</td></tr>"
        )


def _transcript(told: dict[str, Any]) -> str:
    """Every word of a talk with a simulated customer, folded away."""
    lines = "".join(
        f"<p><b>{escape(one['customer'])}</b><br>{escape(one['desk'])} "
        f"<small>{escape(one['route'])}</small></p>"
        for one in told.get("transcript", [])
    )
    return f"<details><summary>{escape(told['ended'])}</summary>{lines}</details>" if lines else ""


def _wrong(told: dict[str, Any]) -> list[str]:
    """The scorers that failed, or what was missing or leaked."""
    found = [
        *told.get("failed", []),
        *told.get("missing", []),
        *(f"told: {leak}" for leak in told.get("leaks", [])),
    ]
    return [str(one) for one in found] or ["not as expected"]


def _got(told: dict[str, Any]) -> str:
    got = told.get("got", told.get("shown", ""))
    if not isinstance(got, dict):
        text = ", ".join(map(str, got)) if isinstance(got, list) else str(got)
        return escape(_short(text))
    by = " · ".join(str(got[name]) for name in ("route", "intent", "language") if got.get(name))
    return f"{escape(_short(str(got.get('text', ''))))}<br><small>{escape(by)}</small>"


def _skipped(left_out: Sequence[Verdict]) -> str:
    if not left_out:
        return ""
    rows = "".join(
        f"<tr><td>{escape(one.suite)}</td><td>{escape(one.goal.source)}</td><td>{escape(one.goal.figure)}</td>"
        f"<td><small>{escape(one.why)}</small></td></tr>"
        for one in left_out
    )
    return (
        f"<details><summary>{len(left_out)} goals were not judged</summary>"
        f'<div class="card"><table>{rows}</table></div></details>'
    )


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
