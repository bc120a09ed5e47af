"""What long measurements found, kept beside the stores until the page is written: they run one by one."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.measured.figures import Figure, Section
from tests.measured.report import Run, page

HOME = Path(".desk")


@dataclass(frozen=True, slots=True)
class Kept:
    """The sections of one measurement: when, how much more than usual, the load before and after."""

    name: str
    sections: list[Section]
    seconds: float
    load: tuple[float, float]
    date: str
    times: int = 1

    def keep(self, folder: Path) -> None:
        """Write it down, in place of what was kept under its name before."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.name}.json").write_text(json.dumps(asdict(self)))


@dataclass(frozen=True, slots=True)
class Watch:
    """Started when a measurement begins: the second, and the load of the machine."""

    began: float
    load: float

    @classmethod
    def start(cls) -> Watch:
        """It begins now."""
        return cls(time.monotonic(), os.getloadavg()[0])

    def stop(self, name: str, times: int, sections: list[Section]) -> Kept:
        """It ends now, with this."""
        # What was tried again counts with what it took the first time.
        seconds = max(time.monotonic() - self.began, sum(section.seconds for section in sections))
        loads = self.load, os.getloadavg()[0]
        return Kept(name, sections, seconds, loads, f"{datetime.now(UTC):%Y-%m-%d}", times)


def read(name: str, folder: Path) -> Kept | None:
    """What was kept under a name, if anything was."""
    file = folder / f"{name}.json"
    if not file.exists():
        return None
    said = json.loads(file.read_text())
    sections = []
    for section in said["sections"]:
        figures = [Figure(**figure) for figure in section.pop("figures")]
        sections.append(Section(**section, figures=figures))
    first, last = said["load"]
    return Kept(name, sections, said["seconds"], (first, last), said["date"], said.get("times", 1))


def page_of(names: Iterable[str], folder: Path, head: str) -> str:
    """The page of all that was kept of these; each section says when it was measured."""
    found = [kept for name in names if (kept := read(name, folder)) is not None]
    sections: list[Section] = []
    for kept in found:
        for section in kept.sections:
            section.notes.insert(0, _when(kept))
            sections.append(section)
    seconds = sum(kept.seconds for kept in found)
    least = min((kept.times for kept in found), default=1)
    return page(Run(sections, seconds, least, (found[0].load[0], found[-1].load[1])), head)


def _when(kept: Kept) -> str:
    longer = f" ({kept.times} times as long as usual)" if kept.times > 1 else ""
    load = f"load average {kept.load[0]:.1f} before and {kept.load[1]:.1f} after"
    return f"{kept.date}, {kept.seconds / 60:.0f} minutes for `{kept.name}`{longer}, {load}."
