"""A page of figures: every promise with what was done, how often, what was found, met or not."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from desk.embedded.postgres import MAJOR
from tests.measured.figures import Figure, Section


@dataclass(frozen=True, slots=True)
class Run:
    """All that one run measured; `times` is how much longer than usual it was."""

    sections: list[Section]
    seconds: float
    times: int
    load: tuple[float, float]


def page(run: Run, head: str) -> str:
    """The whole page; `head` is its title with what was done."""
    sections = sorted(run.sections, key=_place)
    return "\n".join([head, _machine(run), _summary(sections), *(_section(section) for section in sections)])


def _place(section: Section) -> tuple[int, str]:
    return (int(section.promise[1:]) if section.promise[1:].isdigit() else 99), section.promise


def _machine(run: Run) -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    longer = f", {run.times} times as long as usual" if run.times > 1 else ""
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {run.seconds / 60:.0f} minutes{longer}. {os.cpu_count()} cores"
        f" ({_processor()}), {memory:.0f} GB, load average {run.load[0]:.1f} before and {run.load[1]:.1f}"
        f" after. Python {platform.python_version()}, PostgreSQL {MAJOR}; all of it, the clients too, on this"
        " machine.\n"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _summary(sections: list[Section]) -> str:
    rows = []
    for promise in dict.fromkeys(section.promise for section in sections):
        mine = [section for section in sections if section.promise == promise]
        figures = [figure for section in mine for figure in section.figures]
        missed = sum(not figure.met for figure in figures)
        met = "met" if not missed else f"**{missed} of {len(figures)} figures not met**"
        rows.append([promise, "; ".join(section.title for section in mine), met])
    return _table(["promise", "what", "in this run"], rows)


def _section(section: Section) -> str:
    parts = [f"## {section.promise}: {section.title}\n"]
    if section.how:
        parts.append(f"{section.how}\n")
    parts.append(_table(["figure", "promised", "found", "met", "of"], [_row(f) for f in section.figures]))
    if section.notes:
        parts.append("\n".join(f"- {_plain(note)}" for note in section.notes) + "\n")
    return "\n".join(parts)


def _row(figure: Figure) -> list[str]:
    return [figure.what, figure.goal, figure.found, "yes" if figure.met else "**no**", figure.trials]


def _plain(note: str) -> str:
    """A note in one line that no reader of Markdown takes for anything else."""
    return note[:400].replace("\n", " ").replace("|", "/").replace("`", "'")


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
