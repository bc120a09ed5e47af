"""Intervals as SVG, one line of a table each, all on one scale; colours come from the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from evals.intervals import Interval

WIDTH = 420
_HEIGHT = 22
_EDGE = 10.0


@dataclass(frozen=True, slots=True)
class Scale:
    """What the chart's left and right edges stand for, and where its lines are drawn."""

    low: float
    high: float
    marks: tuple[float, ...]

    def at(self, value: float) -> float:
        """Where a value stands, in pixels; what lies outside stands at the edge."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return _EDGE + share * (WIDTH - 2 * _EDGE)


SHARES = Scale(0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0))
LOSSES = Scale(-0.25, 0.25, (-0.2, -0.1, 0.0, 0.1, 0.2))


def axis(scale: Scale, unit: str) -> str:
    """The numbers over the lines."""
    texts = "".join(
        f'<text x="{scale.at(mark):.1f}" y="11" text-anchor="{_anchor(scale, mark)}">'
        f"{_signed(mark * 100) if scale.low < 0 else f'{mark * 100:.0f}'}{unit}</text>"
        for mark in scale.marks
    )
    return _svg(14, f"scale in {unit or 'points'}", texts)


def interval_line(
    scale: Scale, value: float, interval: Interval | None, *, goal: float, worse_above: bool, told: str
) -> str:
    """An interval with its value in it; beyond the goal the ground is shaded."""
    goal_at = scale.at(goal)
    left, right = (goal_at, WIDTH - _EDGE) if worse_above else (_EDGE, goal_at)
    parts = [
        f'<rect class="worse" x="{left:.1f}" y="0" width="{right - left:.1f}" height="{_HEIGHT}"/>',
        *(_upright(scale.at(mark), "axis") for mark in scale.marks),
        _upright(goal_at, "goal"),
    ]
    if scale.low < 0:
        parts.append(_upright(scale.at(0.0), "zero"))
    middle = _HEIGHT / 2
    if interval is not None:
        low, high = (scale.at(bound) for bound in interval)
        parts.append(f'<line class="span" x1="{low:.1f}" y1="{middle}" x2="{high:.1f}" y2="{middle}"/>')
    parts.append(_mark(scale, value))
    return _svg(_HEIGHT, told, f"<title>{escape(told)}</title>" + "".join(parts))


def stacked_bar(parts: Sequence[tuple[str, int]]) -> str:
    """Counts by state side by side, each in its state's colour."""
    whole, left, drawn = max(1, sum(count for _, count in parts)), 0.0, []
    for state, count in parts:
        width = WIDTH * count / whole
        drawn.append(
            f'<rect class="dot {state}" x="{left:.1f}" y="0" rx="2" height="8" '
            f'width="{max(0.0, width - 1):.1f}">'
            f"<title>{state}: {count}</title></rect>"
        )
        left += width
    return _svg(8, ", ".join(f"{count} {state}" for state, count in parts), "".join(drawn))


def _mark(scale: Scale, value: float) -> str:
    """A dot; an arrow at the edge for what lies beyond it."""
    at, middle = scale.at(value), _HEIGHT / 2
    if scale.low <= value <= scale.high:
        return f'<circle class="dot" cx="{at:.1f}" cy="{middle}" r="5"/>'
    tip = at + (_EDGE if value > scale.high else -_EDGE)
    return f'<path class="dot" d="M{at:.1f} {middle - 7}L{tip:.1f} {middle}L{at:.1f} {middle + 7}Z"/>'


def _signed(points: float) -> str:
    return f"{points:+.0f}" if points else "0"


def _upright(at: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{at:.1f}" y1="0" x2="{at:.1f}" y2="{_HEIGHT}"/>'


def _anchor(scale: Scale, mark: float) -> str:
    if mark == scale.low:
        return "start"
    return "end" if mark == scale.high else "middle"


def _svg(height: int, label: str, inner: str) -> str:
    return (
        f'<svg role="img" aria-label="{escape(label)}" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}">{inner}</svg>'
    )
