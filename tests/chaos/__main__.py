"""`python -m tests.chaos`: all experiments, or those that are named; with the page of all that were kept."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
import traceback
from collections import deque
from pathlib import Path

from tests.chaos.experiments import BY_NAME, Experiment
from tests.chaos.stage import Stage, open_stage
from tests.measured.figures import Section
from tests.measured.kept import HOME, Kept, Watch, page_of

HEAD = """# Reliability

Written by `make chaos`, which kills, freezes, cuts off and misleads real processes, and then compares what
every client was told with what the database holds. A figure that was missed stays on the page. A turn is a
message with an `Idempotency-Key`; customers come back under the same key until they have a last word.
"""

FOLDER = HOME / "chaos"
BEGAN = time.monotonic()


def _say(line: str) -> None:
    minutes, seconds = divmod(int(time.monotonic() - BEGAN), 60)
    print(f"{minutes:3}:{seconds:02}  {line}", flush=True)  # noqa: T201 - it is a command


async def run(experiments: list[Experiment], times: int, folder: Path) -> list[Kept]:
    """One experiment after the other, each kept when it has ended.

    One that breaks off is a figure missed, and the next has new stores.
    """
    found: list[Kept] = []
    ahead = deque(enumerate(experiments, 1))
    while ahead:
        async with open_stage(_say) as stage:
            whole = True
            while ahead and whole:
                number, experiment = ahead.popleft()
                _say(f"[{number}/{len(experiments)}] {experiment.name}")
                watch = Watch.start()
                sections, whole = await _one(experiment, stage, times)
                found.append(watch.stop(experiment.name, times, sections))
                found[-1].keep(folder)
                for section in sections:
                    section.tell(_say)
    return found


async def _one(experiment: Experiment, stage: Stage, times: int) -> tuple[list[Section], bool]:
    """What was measured, and whether the experiment came to its end."""
    try:
        return await experiment.whole(stage, times), True
    except Exception as error:
        _say(traceback.format_exc())
        section = Section("-", f"{experiment.name} broke off", "", notes=[repr(error)])
        section.none("experiments that broke off", 1, experiment.name)
        return [section], False


def main() -> int:
    """0 when every figure is met."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="experiment", help=f"of {', '.join(BY_NAME)}; default all"
    )
    parser.add_argument("--times", type=int, default=1, help="how much longer than usual (default 1)")
    parser.add_argument("--report", type=Path, help="write the page of all that was kept to this file")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(BY_NAME):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there is {', '.join(BY_NAME)}")
    done = asyncio.run(run([BY_NAME[name] for name in asked.names or BY_NAME], asked.times, FOLDER))
    if asked.report:
        asked.report.write_text(page_of(BY_NAME, FOLDER, HEAD))
        _say(f"Written: {asked.report}")
    missed = sum(len(section.missed) for kept in done for section in kept.sections)
    _say(f"{missed or 'No'} figures missed.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
