"""P2: what changes something in the shop is done once, whenever the process dies.

The tests that prove it are run: a return is confirmed at a server that dies before it asks the shop, between
asking and noting, and after; the shop counts. One shop knows its keys again, one ignores them, and then
nobody may try twice: the action ends as unknown, and a person is asked. A worker that dies between sending
and noting tells its event again under the same id.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from tests.chaos.stage import Stage
from tests.measured.figures import Section

ROOT = Path(__file__).parents[2]
PROOFS = {
    "actions in the shop done twice or not at all": "tests/server/test_effects_once.py",
    "webhooks and mails lost, or told under another id": "tests/jobs/test_killed_deliveries.py",
}


async def measure(stage: Stage) -> Section:
    """P2."""
    section = Section.of("P2", "Effects happen once", __doc__)
    with section.timed():
        reports = [stage.home / f"{Path(proof).stem}.xml" for proof in PROOFS.values()]
        ended = await asyncio.gather(*map(_run, PROOFS.values(), reports))
        for (what, proof), ends in zip(PROOFS.items(), ended, strict=True):
            wrong = ends.total() - ends["passed"] if ends else 1
            section.none(what, wrong, f"{ends['passed']} of {ends.total()} tests in {proof}")
    return section


async def _run(proof: str, report: Path) -> Counter[str]:
    """How many tests of a file passed, failed and were skipped."""
    command = (sys.executable, "-m", "pytest", "--quiet", f"--junit-xml={report}", proof)
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    try:
        return _ends(report)
    except (OSError, ElementTree.ParseError) as error:
        raise RuntimeError(f"pytest did not run {proof}: {said.decode(errors='replace')[-2000:]}") from error


def _ends(report: Path) -> Counter[str]:
    cases = ElementTree.parse(report).getroot().iter("testcase")
    return Counter(next((child.tag for child in case if child.tag in _ODD), "passed") for case in cases)


_ODD = ("failure", "error", "skipped")
