"""What several plays of each case showed, as a section of the gate's page: pass^k, and the flaky cases."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from evals.interval_charts import SHARES, axis, interval_line
from evals.pass_hat import Flaky, Steadiness
from evals.tables import flaky_cells, steadiness_cells

_NOTE = (
    "pass^k is how likely a case passes k plays in a row, each in a fresh conversation, over all cases. It "
    "falls with k where cases pass only sometimes; those are listed."
)


def steadiness_section(steadiness: Sequence[Steadiness], flaky: Sequence[Flaky]) -> str:
    """The section; empty where each case was played once."""
    if not steadiness:
        return ""
    head = (
        f'<tr><th class="name">figure</th><th class="chart">{axis(SHARES, "%")}</th>'
        '<th class="num">value</th><th class="num">95 %</th></tr>'
    )
    rows = "".join(map(_row, steadiness))
    return (
        f'<section><h2>Every time?</h2><p class="note">{escape(_NOTE)}</p>'
        f'<div class="card"><table>{head}{rows}</table></div>{_flaky(flaky)}</section>'
    )


def _row(one: Steadiness) -> str:
    suite, source, figure, value, interval = steadiness_cells(one)
    told = f"{figure}: {value}, 95 % {interval}"
    chart = interval_line(SHARES, one.value, one.interval, goal=0.0, worse_above=False, told=told)
    return (
        f'<tr class="SKIPPED"><td class="name">{escape(figure)}<br><small>{escape(suite)} {escape(source)}'
        f'</small></td><td class="chart">{chart}</td><td class="num">{value}</td><td class="num">{interval}'
        "</td></tr>"
    )


def _flaky(flaky: Sequence[Flaky]) -> str:
    if not flaky:
        return '<p class="note">No case is flaky: each passed all of its plays or none.</p>'
    rows = "".join(
        f"<tr><td>{escape(case)}</td><td>{escape(suite)}</td><td>{escape(passed)}</td></tr>"
        for suite, case, passed in map(flaky_cells, flaky)
    )
    head = "<tr><th>flaky case</th><th>suite</th><th>plays passed</th></tr>"
    return f'<div class="card"><table>{head}{rows}</table></div>'
