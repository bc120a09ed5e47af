"""What a benchmark found: figures of ours and of its peer, in the shape that `desk bench --json` writes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from desk.errors import DeskError

Figures = dict[str, float]


class BenchFailed(DeskError):
    """A side gave another answer than it must, or did not run; then there is nothing to compare."""

    title: ClassVar[str] = "Benchmark failed"


@dataclass(frozen=True, slots=True)
class Goal:
    """What is promised of one figure; `wish` is what would be better still."""

    what: str
    goal: str
    found: float
    met: bool


@dataclass(frozen=True, slots=True)
class Result:
    """One benchmark's figures. `ratio` is how many times better ours is; above 1 is better.

    `axis` shows the same at other sizes: a row names its size, then `ours`, `peer` and `ratio`.
    """

    name: str
    title: str
    ours: Figures
    peer: Figures
    ratio: Figures
    axis: list[dict[str, Any]] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    equal_answers: bool = True

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def at_least(what: str, found: float, goal: float) -> Goal:
    """A goal that more is better for."""
    return Goal(what, f">= {goal:g}", found, found >= goal)


def at_most(what: str, found: float, goal: float) -> Goal:
    """A goal that less is better for."""
    return Goal(what, f"<= {goal:g}", found, found <= goal)


def require_equal(side: str, found: str, expected: str) -> None:
    """Raises BenchFailed unless the answer is the one that all sides must give."""
    if found != expected:
        raise BenchFailed(f"{side} answered {found[:80]!r}; every side must answer {expected[:80]!r}.")
