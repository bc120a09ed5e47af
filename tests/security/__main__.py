"""`python -m tests.security`: all proofs, or those that are named; with the page if it is asked for."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path

from tests.measured.kept import Kept, Watch, page_of
from tests.security.mutate import try_all
from tests.security.mutations import read_mutations
from tests.security.proofs import FOLDER, PROOFS, Proof, mutate_again_proof

HEAD = """# Security proofs

Written by `make proofs`, which plays every caller against every door, tries bad tokens there, sends a crowd
against the limits, feeds the whole API with nonsense, and breaks one check after the other to see a test
fail. A figure that was missed stays on the page.
"""
BEGAN = time.monotonic()


def _say(line: str) -> None:
    minutes, seconds = divmod(int(time.monotonic() - BEGAN), 60)
    print(f"{minutes:3}:{seconds:02}  {line}", flush=True)  # noqa: T201 - it is a command


def prove(name: str, times: int, proof: Proof) -> Kept:
    """One proof, kept."""
    _say(name)
    watch = Watch.start()
    found = watch.stop(name, times, asyncio.run(proof(times, _say)))
    found.keep(FOLDER)
    for section in found.sections:
        section.tell(_say)
    return found


def main() -> int:
    """0 when every figure is met."""
    parser = argparse.ArgumentParser(prog="python -m tests.security", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="proof", help=f"of {', '.join(PROOFS)}; default all")
    parser.add_argument("--times", type=int, default=1, help="how much longer than usual (default 1)")
    parser.add_argument("--again", action="store_true", help="only the seeded bugs that were not caught")
    parser.add_argument(
        "--bugs", nargs="+", metavar="TEXT", help="try the seeded bugs so named, keep nothing"
    )
    parser.add_argument("--report", type=Path, help="write the page of all that was kept to this file")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(PROOFS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there is {', '.join(PROOFS)}")
    if asked.bugs:
        wanted = [bug for bug in read_mutations() if any(text in bug.name for text in asked.bugs)]
        _, red, tried = try_all(wanted, _say)
        return 1 if red or any(one.caught_by is None for one in tried) else 0
    if asked.again:
        done = [prove("mutate", asked.times, mutate_again_proof)]
    else:
        done = [prove(name, asked.times, PROOFS[name]) for name in asked.names or PROOFS]
    missed = sum(len(section.missed) for proof in done for section in proof.sections)
    if asked.report:
        asked.report.write_text(page_of(PROOFS, FOLDER, HEAD))
        _say(f"Written: {asked.report}")
    _say(f"{missed or 'No'} figures missed.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
