"""Compares two reports of one suite: each figure's difference, with an interval where the data allow one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from desk.errors import InvalidInput
from evals.intervals import Interval, difference, newcombe, paired
from evals.report import Report, count_of, evidence_of, figure_names, figure_of


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure before and after; `method` says how the interval of after minus before was made."""

    source: str
    figure: str
    before: float | None
    after: float | None
    interval: Interval | None
    method: str

    @property
    def change(self) -> float | None:
        """After minus before; None when one of them is not known."""
        return None if self.before is None or self.after is None else self.after - self.before

    @property
    def certain(self) -> bool:
        """Whether the interval leaves no doubt that it changed."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]


def compare(before: Report, after: Report) -> Iterator[Difference]:
    """The differences of all figures, source by source. Raises InvalidInput when they cannot be compared."""
    for key in ("suite", "definition_version"):
        if before.get(key) != after.get(key):
            raise InvalidInput(f"The reports cannot be compared: {key} differs.")
    for source in sorted(before["by_source"].keys() | after["by_source"].keys()):
        old, new = before["by_source"].get(source, {}), after["by_source"].get(source, {})
        names = dict.fromkeys([*figure_names(old), *figure_names(new)])
        for name in names:
            values = figure_of(old, name), figure_of(new, name)
            yield Difference(source, name, *values, *_interval(before, after, source, name))


def _interval(before: Report, after: Report, source: str, figure: str) -> tuple[Interval | None, str]:
    old, new = (evidence_of(report, source, figure) for report in (before, after))
    if old is not None and new is not None and len(old.ids) and len(new.ids):
        return difference(old, new), "paired" if paired(old, new) else "unpaired"
    counts = count_of(before, source, figure), count_of(after, source, figure)
    if counts[0] and counts[1]:
        return newcombe(counts[0], counts[1]), "unpaired, by counts"
    return None, ""
