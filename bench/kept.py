"""What benchmarks found, kept in the home until the page is written: a long run may be done in pieces."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from bench.result import Goal, Result


@dataclass(frozen=True, slots=True)
class Kept:
    """A result, its day, and the machine's load average before and after."""

    result: Result
    date: str
    load: tuple[float, float]

    def keep(self, folder: Path) -> None:
        """Write it down, in place of what was kept of this benchmark before."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.result.name}.json").write_bytes(orjson.dumps(asdict(self)))


def just_found(result: Result, load_before: float) -> Kept:
    """A result of now."""
    return Kept(result, f"{datetime.now(UTC):%Y-%m-%d}", (load_before, os.getloadavg()[0]))


def read_kept(names: Sequence[str], folder: Path) -> list[Kept]:
    """What was kept of these, in their order."""
    files = [folder / f"{name}.json" for name in names]
    return [_read(file) for file in files if file.exists()]


def _read(file: Path) -> Kept:
    said = orjson.loads(file.read_bytes())
    goals = [Goal(**goal) for goal in said["result"].pop("goals")]
    first, last = said["load"]
    return Kept(Result(**said["result"], goals=goals), said["date"], (first, last))
