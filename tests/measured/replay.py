"""Records turns of the demo bookshop, replays them, and prints how many were the same and how long it took.

`python -m tests.measured.replay 1000 [FOLDER]`; into the folder go the reports of the same turns against a
prompt that lost a rule.
"""

from __future__ import annotations

import itertools
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from desk.domain import Principal, Tenant
from desk.models.fallback import FallbackModel
from evals.candidates import SAME, Candidate, find_candidate
from evals.cases import read_cases
from evals.data import OWN
from evals.following import following_model
from evals.registry import Ground
from evals.replay_pages import to_html, to_markdown
from evals.replay_runs import Wanted, replay_turns
from graphs.services import Services
from prompts.choice import unsaved
from prompts.loader import load_prompt
from server.commands.measuring import on_ground
from server.commands.opening import say
from tests.graphs.conversing import Customer

LOST = "2. Copy every number"


async def record(services: Services, turns: int) -> None:
    """So many turns of the bookshop's cases, over and over, each case a conversation."""
    cases = itertools.cycle(read_cases(OWN / "bookshop.jsonl"))
    said = 0
    while said < turns:
        case = next(cases)
        customer = await Customer.of(services, case.person or f"guest-{said}@example.com")
        for turn in case.turns[: turns - said]:
            await customer.say(turn.say)
            said += 1


def worse() -> str:
    """The standing prompt without one of its rules."""
    lines = load_prompt("support").text.splitlines()
    return "\n".join(line for line in lines if not line.startswith(LOST))


async def replay_against(
    services: Services, tenant: Tenant, candidate: Candidate, wanted: Wanted, folder: Path | None
) -> None:
    """Replay, print the figures, and write the pages."""
    viewer = Principal(tenant.id, "worker")
    report = await replay_turns(services, viewer, tenant, candidate, wanted)
    say(f"{candidate.name}: {report.figures()}")
    for turn in [turn for turn in report.turns if turn.changes][: 0 if folder else 5]:
        say(repr(turn))
    if folder is not None:
        (folder / "replay.html").write_text(to_html(report), encoding="utf-8")
        (folder / "replay.md").write_text(to_markdown(report), encoding="utf-8")


async def measure(ground: Ground, turns: int, folder: Path | None) -> None:
    services, tenant = ground.services, ground.demo
    assert services is not None
    assert tenant is not None
    services.engine.model = FallbackModel([following_model()], total_seconds=30.0)
    since = datetime.now(UTC)
    await record(services, turns)
    same = await find_candidate(services, tenant, SAME)
    await replay_against(services, tenant, same, Wanted(since, turns), None)
    if folder is not None:
        lost = replace(
            same, name="a prompt that lost a rule", prompt=unsaved(load_prompt("support"), worse())
        )
        await replay_against(services, tenant, lost, Wanted(since, turns, ask_model=True), folder)


if __name__ == "__main__":
    place = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    if place is not None:
        place.mkdir(parents=True, exist_ok=True)
    on_ground("demo", lambda ground: measure(ground, int(sys.argv[1]), place))
    sys.exit(0)
