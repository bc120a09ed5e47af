"""Replay runs: the recorded turns of a tenant since a day, run again one after the other, and compared."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from desk.domain import Principal, Tenant, TurnId
from desk.errors import NotFound
from desk.storage import audit, turn_reviews
from evals.candidates import Candidate
from evals.replays import Compared, ReplayReport, compare_replayed
from graphs.replays.recorded import open_turn
from graphs.replays.replaying import obstacle, replay_turn
from graphs.services import Services

_PAGE = 200

log = structlog.get_logger("desk.replays")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which turns: those accepted since then, the newest `most` of them; and whether the model is asked."""

    since: datetime
    most: int = 1000
    ask_model: bool = False


async def replay_turns(
    services: Services,
    viewer: Principal,
    tenant: Tenant,
    candidate: Candidate,
    wanted: Wanted,
    on_turn: Callable[[], None] = lambda: None,
) -> ReplayReport:
    """Run them again and compare; the viewer must be one who may read them all, and the audit says so."""
    began = time.monotonic()
    found = [turn async for turn in _turns(services, viewer, wanted)]
    async with services.engine.database.tenant_tx(viewer) as tx:
        detail = {"turns": len(found), "since": wanted.since.isoformat(), "asked_model": wanted.ask_model}
        await audit.record(tx, viewer, "replays.run", candidate.name, detail)
    compared: list[Compared] = []
    skipped: Counter[str] = Counter()
    for turn_id in found:
        one = await _replay(services, viewer, tenant, candidate, wanted, turn_id)
        if isinstance(one, str):
            skipped[one] += 1
        else:
            compared.append(one)
        on_turn()
    title = f"Replay of {tenant.slug} against {candidate.name}"
    seconds = time.monotonic() - began
    notes = (*candidate.notes, _said_of_the_model(wanted))
    return ReplayReport(title, notes, tuple(compared), skipped, seconds)


async def _replay(
    services: Services,
    viewer: Principal,
    tenant: Tenant,
    candidate: Candidate,
    wanted: Wanted,
    turn_id: TurnId,
) -> Compared | str:
    """The comparison, or why there is none."""
    try:
        recorded = await open_turn(services, viewer, tenant, turn_id)
        why = obstacle(recorded)
        if why is not None:
            return why
        prompts = candidate.prompts_for(recorded)
        replayed = await replay_turn(
            services, recorded, prompts, candidate.tuning, ask_model=wanted.ask_model
        )
        return compare_replayed(replayed)
    except NotFound:
        return "it was erased meanwhile"
    except Exception as error:
        # One odd turn must not take the report of the others with it; it is counted, by name.
        log.warning("replay_failed", turn_id=str(turn_id), error=type(error).__name__)
        return f"a node failed ({type(error).__name__})"


async def _turns(services: Services, viewer: Principal, wanted: Wanted) -> AsyncIterator[TurnId]:
    before: TurnId | None = None
    left = wanted.most
    while left > 0:
        async with services.engine.database.tenant_tx(viewer) as tx:
            page = await turn_reviews.list_page(tx, "all", before=before, limit=min(_PAGE, left))
        for turn in page:
            if turn.accepted_at < wanted.since:
                return
            yield turn.id
        if not page:
            return
        before, left = page[-1].id, left - len(page)


def _said_of_the_model(wanted: Wanted) -> str:
    if wanted.ask_model:
        return "The model was asked anew where it would have been asked something else; that was paid for."
    return "No model was asked: where it would have been asked something else, the turn diverged."
