"""A replay's report to be read: a page with charts that loads nothing, and Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from evals.replays import Compared, Group, ReplayReport

MOST_SHOWN = 5
_LONGEST = 240
_WIDTH = 720
_BAD, _UNSURE, _SAME, _MILD = "#b3261e", "#b26a00", "#2e7d32", "#5b6b7b"
_CERTAINLY_BAD = 50

_STYLE = """
:root{color-scheme:light}body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;
padding:0 1rem;color:#1c2530;background:#fff}h1{font-size:1.4rem;margin:0}h2{font-size:1.05rem;
margin:2rem 0 .5rem}p.note{color:#53606d;margin:.2rem 0}svg{display:block;max-width:100%;height:auto}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1rem}
th,td{border:1px solid #d7dde3;padding:.4rem .6rem;text-align:left;vertical-align:top;
overflow-wrap:anywhere}th{background:#f3f5f7;font-weight:600}
td.n{text-align:right}.was,.now{width:37%}small{color:#53606d}.bad{color:#b3261e}.unsure{color:#8a5200}
"""


def to_html(report: ReplayReport) -> str:
    """The whole page, with its charts as SVG in it; every text is escaped and holds pseudonyms."""
    figures = report.figures()
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in report.notes)
    parts = [
        f"<h1>{escape(report.title)}</h1>",
        f'<p class="note">{escape(_summary(report))}</p>{notes}',
        _share_chart(report),
        "<h2>What changed, the worst first</h2>",
        _group_chart(report.groups),
        f"<h2>Cost and time</h2>{_cost_table(figures)}",
        *(_group_part(group) for group in report.groups),
    ]
    body = "\n".join(parts)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(report.title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body>{body}</body></html>\n"
    )


def to_markdown(report: ReplayReport) -> str:
    """The summary and the groups with one example each."""
    lines = [f"### {report.title}", "", _summary(report), *(f"- {note}" for note in report.notes), ""]
    if report.groups:
        lines += ["| what changed | turns | asked | was | is |", "| --- | --- | --- | --- | --- |"]
    for group in report.groups:
        one = group.turns[0]
        cells = [group.name, str(len(group.turns)), one.asked, one.before.text, _after(one)]
        lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _summary(report: ReplayReport) -> str:
    skipped = "".join(f"; {count} left out: {why}" for why, count in sorted(report.skipped.items()))
    return (
        f"{len(report.turns)} turns in {report.seconds:.1f} s: {report.identical} identical, "
        f"{report.changed} changed, {report.diverged} diverged (nobody knows how they would go on){skipped}."
    )


def _share_chart(report: ReplayReport) -> str:
    whole = max(1, len(report.turns))
    parts = [
        ("identical", report.identical, _SAME),
        ("changed", report.changed, _BAD),
        ("diverged", report.diverged, _UNSURE),
    ]
    drawn, left = [], 0.0
    for name, count, colour in parts:
        width = _WIDTH * count / whole
        drawn.append(
            f'<rect x="{left:.1f}" y="0" width="{width:.1f}" height="26" fill="{colour}">'
            f"<title>{name}: {count}</title></rect>"
        )
        left += width
    legend = "".join(
        f'<rect x="{at * 240}" y="38" width="12" height="12" fill="{colour}"/>'
        f'<text x="{at * 240 + 18}" y="49" font-size="13">'
        f"{name}: {count} ({100 * count / whole:.1f} %)</text>"
        for at, (name, count, colour) in enumerate(parts)
    )
    label = ", ".join(f"{name} {count}" for name, count, _ in parts)
    return _svg(58, label, "".join(drawn) + legend)


def _group_chart(groups: list[Group]) -> str:
    if not groups:
        return "<p>Nothing changed.</p>"
    most, drawn = max(len(group.turns) for group in groups), []
    for at, group in enumerate(groups):
        y, width = at * 26, max(2.0, 300 * len(group.turns) / most)
        drawn.append(
            f'<text x="355" y="{y + 16}" font-size="13" text-anchor="end">'
            f"{escape(_short(group.name, 58))}</text>"
            f'<rect x="365" y="{y + 3}" width="{width:.1f}" height="18" fill="{_colour(group)}"/>'
            f'<text x="{370 + width:.1f}" y="{y + 17}" font-size="13">{len(group.turns)}</text>'
        )
    return _svg(26 * len(groups), "turns by what changed", "".join(drawn))


def _svg(height: int, label: str, inner: str) -> str:
    return (
        f'<svg role="img" aria-label="{escape(label)}" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'height="{height}" font-family="system-ui,sans-serif" fill="#1c2530">{inner}</svg>'
    )


def _colour(group: Group) -> str:
    if group.name.startswith("diverged"):
        return _UNSURE
    return _BAD if group.weight >= _CERTAINLY_BAD else _MILD


def _cost_table(figures: dict[str, dict[str, dict[str, float | None]]]) -> str:
    rows = [
        ("dollars, all turns together", figures["cost_usd"], 4),
        ("milliseconds, median", figures["ms"]["p50"], 1),
        ("milliseconds, 99th percentile", figures["ms"]["p99"], 1),
    ]
    told = "".join(
        f'<tr><td>{name}</td><td class="n">{_number(found, "before", digits)}</td>'
        f'<td class="n">{_number(found, "after", digits)}</td></tr>'
        for name, found, digits in rows
    )
    return (
        f"<table><tr><th></th><th>was</th><th>is</th></tr>{told}</table>"
        "<small>Of turns that came to an end. What was frozen counts as it was.</small>"
    )


def _number(found: object, name: str, digits: int) -> str:
    value = found.get(name) if isinstance(found, dict) else None
    return "-" if value is None else f"{value:.{digits}f}"


def _group_part(group: Group) -> str:
    rows = "".join(_rows(group))
    left = len(group.turns) - MOST_SHOWN
    more = f"<small>and {left} more turns</small>" if left > 0 else ""
    kind = "unsure" if group.name.startswith("diverged") else "bad" if group.weight >= _CERTAINLY_BAD else ""
    return (
        f'<h2 class="{kind}">{escape(group.name)} ({len(group.turns)})</h2><table>'
        f'<tr><th>asked</th><th class="was">was</th><th class="now">is</th></tr>{rows}</table>{more}'
    )


def _rows(group: Group) -> Iterator[str]:
    for turn in group.turns[:MOST_SHOWN]:
        others = ", ".join(turn.changes[1:])
        also = f"<br><small>also: {escape(others)}</small>" if others else ""
        was = f"{escape(turn.before.text)}<br><small>{escape(_by(turn, after=False))}</small>"
        now = f"{escape(_after(turn))}<br><small>{escape(_by(turn, after=True))}</small>"
        asked = f"{escape(turn.asked)}<br><small>{escape(turn.turn_id)}</small>{also}"
        yield f"<tr><td>{asked}</td><td>{was}</td><td>{now}</td></tr>"


def _by(turn: Compared, *, after: bool) -> str:
    told = turn.after if after else turn.before
    if told is None:
        return ""
    return f"{told.route}; cites {', '.join(told.sources) or 'nothing'}"


def _after(turn: Compared) -> str:
    return turn.after.text if turn.after else f"not known: {turn.why}"


def _cell(text: str) -> str:
    """A cell of Markdown: one line, and nothing in it that a renderer would take for more than text."""
    return escape(_short(" ".join(text.split()), _LONGEST), quote=False).replace("|", "\\|")


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
