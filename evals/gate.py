"""The gate: goals for figures of sources, judged by the interval of what was measured."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from desk.errors import InvalidInput, Misconfigured
from evals.data import OWN
from evals.intervals import Interval, interval_of, wilson
from evals.judges import PREFIX
from evals.registry import SUITES, Inputs
from evals.report import Report, count_of, evidence_of, figure_of

GATES = Path(__file__).parent / "gates.toml"

State = Literal["PASS", "FAIL", "INCONCLUSIVE", "SKIPPED"]
_FILES = ("examples", "dataset", "corpus")
_KEYS = frozenset({"suite", "data", "goals", *_FILES})


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure of a source and the least it shall be; with `at_most`, the most."""

    source: str
    figure: str
    goal: float
    at_most: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a suite and what is asked of it; `missing` names a file that is not there."""

    suite: str
    inputs: Inputs
    goals: tuple[Goal, ...]
    missing: str | None = None
    third_party: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the measurement says about a goal; `why` explains a verdict that has no interval."""

    suite: str
    goal: Goal
    state: State
    value: float | None = None
    interval: Interval | None = None
    why: str = ""


def read_gates(path: Path = GATES, *, data: Path | None = None) -> list[Run]:
    """The runs of a gates file; third-party files lie in the folder `data`, ours beside the suites.

    Raises Misconfigured when the file is not as it should be, InvalidInput when `data` is no folder.
    """
    if data is not None and not data.is_dir():
        raise InvalidInput(f"{data}: there is no such folder.")
    try:
        stored = tomllib.loads(path.read_text(encoding="utf-8"))["run"]
        return [_run(run, data) for run in stored]
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise Misconfigured(f"{path.name}: it cannot be read as gates ({error}).") from error


def judge(run: Run, report: Report) -> Iterator[Verdict]:
    """The verdict on each goal of a run, from its report."""
    for goal in run.goals:
        yield _verdict(run.suite, goal, report)


def skipped(run: Run) -> Iterator[Verdict]:
    """The verdicts of a run whose data are not there."""
    for goal in run.goals:
        yield Verdict(run.suite, goal, "SKIPPED", why=f"no {run.missing}; give its folder with --data")


def state_of(interval: Interval, goal: Goal) -> State:
    """PASS if the whole interval meets the goal, FAIL if none of it does, else INCONCLUSIVE."""
    low, high = interval
    if goal.at_most:
        low, high, wanted = -high, -low, -goal.goal
    else:
        wanted = goal.goal
    if low >= wanted:
        return "PASS"
    return "FAIL" if high < wanted else "INCONCLUSIVE"


def _run(stored: dict[str, Any], data: Path | None) -> Run:
    unknown = stored.keys() - _KEYS
    if unknown or stored["suite"] not in SUITES:
        raise Misconfigured(f"A run of the gates names {sorted(unknown) or stored['suite']}: unknown.")
    goals = tuple(Goal(**goal) for goal in stored["goals"])
    third_party = stored.get("data") == "third-party"
    folder = data if third_party else OWN
    files = {key: stored[key] for key in _FILES if key in stored}
    missing = next((name for name in files.values() if folder is None or not (folder / name).exists()), None)
    if missing is not None and not third_party:
        raise Misconfigured(f"The gates name {missing}, which is not among our data sets.")
    sources = frozenset(goal.source for goal in goals)
    paths = {key: (folder or OWN) / name for key, name in files.items()}
    return Run(stored["suite"], Inputs(**paths, sources=sources), goals, missing, third_party)


def _verdict(suite: str, goal: Goal, report: Report) -> Verdict:
    value = figure_of(report["by_source"].get(goal.source, {}), goal.figure)
    judge = report.get("judge")
    if goal.figure.startswith(PREFIX) and (judge is None or judge["name"] != goal.figure[len(PREFIX) :]):
        why = f"no judge was asked; ask one with --judge {goal.figure[len(PREFIX) :]}"
        return Verdict(suite, goal, "SKIPPED", why=why)
    if value is None:
        said = judge["why"] if judge and goal.figure.startswith(PREFIX) else None
        why = said or "the suite measured no such figure of this source"
        return Verdict(suite, goal, "FAIL", why=why)
    interval = _interval(report, goal)
    if interval is None:
        return Verdict(suite, goal, "INCONCLUSIVE", value, why="the suite does not tell its rows")
    return Verdict(suite, goal, state_of(interval, goal), value, interval)


def _interval(report: Report, goal: Goal) -> Interval | None:
    found = evidence_of(report, goal.source, goal.figure)
    if found is not None:
        return interval_of(found)
    told = report.get("intervals", {}).get(goal.source, {}).get(goal.figure)
    if told is not None:
        return told[0], told[1]
    count = count_of(report, goal.source, goal.figure)
    return wilson(*count) if count else None
