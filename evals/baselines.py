"""Baselines: what our own data sets showed when somebody last said that it is good, kept beside the code."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import orjson

from desk.errors import Misconfigured
from evals.gate import Goal, Run
from evals.report import Report

FOLDER = Path(__file__).parent / "baselines"
_KEPT = ("suite", "n", "by_source", "overall", "counts", "definition_version")


def read_baseline(run: Run, folder: Path = FOLDER) -> Report | None:
    """The baseline of a run of our own data; None when there is none, Misconfigured for a broken file."""
    path = folder / f"{run.suite}.json"
    if run.third_party or not path.exists():
        return None
    try:
        stored: Report = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise Misconfigured(f"{path.name}: it cannot be read; write it by `desk eval baseline`.") from error
    return stored


def write_baseline(run: Run, report: Report, folder: Path = FOLDER) -> Path:
    """Keep what the run's goals need of a report: the figures, and the rows they were counted from."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{run.suite}.json"
    kept = {key: report[key] for key in _KEPT}
    kept["evidence"] = _rows_of(report, run.goals)
    path.write_bytes(orjson.dumps(kept, option=orjson.OPT_APPEND_NEWLINE))
    return path


def _rows_of(report: Report, goals: Iterable[Goal]) -> dict[str, dict[str, object]]:
    rows: dict[str, dict[str, object]] = {}
    for goal in goals:
        found = report.get("evidence", {}).get(goal.source, {}).get(goal.figure)
        if found is not None:
            rows.setdefault(goal.source, {})[goal.figure] = found
    return rows
