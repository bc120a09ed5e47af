"""`python -m tests.sweeps`: all sweeps, or those that are named; with the page of all that were kept."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from tests.chaos.__main__ import run
from tests.measured.kept import HOME, page_of
from tests.sweeps.experiments import BY_NAME

HEAD = """# Sweeps

Written by `make sweeps`, which plants values that must not be found and then searches all that was sent or
kept, erases people while they talk, and lets a model obey every attacker. A figure that was missed stays on
the page. What is promised: no value of a structured type, and none that the conversation's vault holds
already, leaves for an external model, or lies in clear in a table, Redis, a log or a metric. Names and
addresses are found in part, and are not counted here.
"""
KEPT = HOME / "sweeps"


def sweep(name: str, times: int) -> bool:
    """One sweep, kept; whether all its figures were met."""
    [found] = asyncio.run(run([BY_NAME[name]], times, KEPT))
    return not any(section.missed for section in found.sections)


def main() -> int:
    """0 when every figure is met."""
    parser = argparse.ArgumentParser(prog="python -m tests.sweeps", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="sweep", help=f"of {', '.join(BY_NAME)}; default all")
    parser.add_argument("--times", type=int, default=1, help="how much more than usual (default 1)")
    parser.add_argument("--report", type=Path, help="write the page to this file")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(BY_NAME):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there is {', '.join(BY_NAME)}")
    met = [sweep(name, asked.times) for name in asked.names or BY_NAME]
    if asked.report:
        asked.report.write_text(page_of(BY_NAME, KEPT, HEAD))
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
