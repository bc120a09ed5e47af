"""Figures: what was promised, what was found, in how many trials, and how long it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import quantiles

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was promised; `trials` counts in words what `found` stands on."""

    promise: str
    what: str
    goal: str
    found: str
    met: bool
    trials: str
    # What a loaded machine may miss, and no test asks for.
    timed: bool = False


@dataclass(slots=True)
class Section:
    """The figures of one experiment; `how` says what was done, `notes` what is worth knowing besides."""

    promise: str
    title: str
    how: str
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def none(self, what: str, found: int, trials: str) -> None:
        """A figure that must be 0."""
        self.figures.append(Figure(self.promise, what, "0", f"{found:,}", found == 0, trials))

    def all(self, what: str, found: int, of: int, trials: str) -> None:
        """A figure that must be the whole of it."""
        self.figures.append(Figure(self.promise, what, f"{of:,}", f"{found:,}", found == of, trials))

    def at_least(self, what: str, found: int, goal: int, trials: str) -> None:
        """A figure that more is better for."""
        self.figures.append(Figure(self.promise, what, f">= {goal:,}", f"{found:,}", found >= goal, trials))

    def at_most(self, what: str, found: float, goal: float, unit: str, trials: str) -> None:
        """A figure that less is better for."""
        met = found <= goal
        goal_told, told = f"<= {goal:,.4g} {unit}", f"{found:,.4g} {unit}"
        self.figures.append(Figure(self.promise, what, goal_told, told, met, trials, timed=True))

    @classmethod
    def of(cls, promise: str, title: str, module_doc: str | None) -> Section:
        """A section whose `how` is what its module says below the first sentence."""
        return cls(promise, title, " ".join((module_doc or "").partition("\n\n")[2].split()))

    @property
    def missed(self) -> list[Figure]:
        """What was not met."""
        return [figure for figure in self.figures if not figure.met]

    def tell(self, say: Say) -> None:
        """Say what was found, a line for each figure and note."""
        say(f"  {self.promise} {self.title}, {self.seconds:.0f} s")
        for figure in self.figures:
            met = "met    " if figure.met else "NOT MET"
            say(f"    {met} {figure.what}: {figure.found} (goal {figure.goal}; {figure.trials})")
        for note in self.notes:
            say(f"    {note[:300]}")

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Note how long the experiment takes."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds += time.monotonic() - began


def percentile(values: list[float], percent: int) -> float:
    """A percentile of at least one value."""
    if len(values) == 1:
        return values[0]
    return quantiles(values, n=100, method="inclusive")[percent - 1]
