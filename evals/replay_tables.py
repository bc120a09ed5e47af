"""A replay's report as tables for the terminal."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from evals.replays import ReplayReport

_LONGEST = 60


def summary_table(report: ReplayReport) -> Table:
    """How many turns were the same, changed, diverged or left out."""
    table = Table(title=escape(report.title), title_justify="left")
    for column in ("turns", "identical", "changed", "diverged", "left out", "seconds"):
        table.add_column(column, justify="right")
    left_out = sum(report.skipped.values())
    counts = (len(report.turns), report.identical, report.changed, report.diverged, left_out)
    table.add_row(*map(str, counts), f"{report.seconds:.1f}")
    return table


def groups_table(report: ReplayReport) -> Table:
    """What changed, the worst first, with an example each; then why turns were left out."""
    table = Table(title="What changed, the worst first", title_justify="left")
    table.add_column("change", overflow="fold")
    table.add_column("turns", justify="right")
    for column in ("for example", "was", "is"):
        table.add_column(column, overflow="fold")
    for group in report.groups:
        one = group.turns[0]
        now = one.after.text if one.after else "not known"
        cells = [_short(text) for text in (one.asked, one.before.text, now)]
        table.add_row(escape(group.name), str(len(group.turns)), *cells)
    for why, count in sorted(report.skipped.items()):
        table.add_row(f"[dim]left out: {escape(why)}[/]", str(count), "", "", "")
    return table


def _short(text: str) -> str:
    return escape(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")
