"""Replays: recorded turns run again with a candidate, and what would have changed, told as it goes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from desk.domain import Principal, Tenant
from evals.candidates import Candidate, known_candidate
from evals.replay_runs import Wanted, replay_turns
from evals.replays import Compared, ReplayReport
from graphs.services import Services
from server.deps import CurrentCaller, CurrentDesk
from server.openapi import answers
from server.progress import EVENTS, frame, progress
from server.routes.chat import person
from server.schemas import ReplayBody

router = APIRouter(prefix="/api/v1/replays", tags=["replays"])

TURNS_A_REQUEST = 10
MOST_SHOWN = 5


@router.post("", summary="Run recorded turns again with a candidate", responses=answers() | EVENTS)
async def replay(body: ReplayBody, request: Request, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """Events: `turn` after each, one last `done` with the figures and what changed, the worst first.

    What tools and the model said is frozen: nothing acts, no model is asked, no conversation changes. The
    run is a row of the audit; ten turns count as a request. Texts hold pseudonyms.
    """
    viewer = person(caller)
    desk.streams.check(caller)
    candidate = await known_candidate(desk.services, caller.tenant, body.candidate)
    for _ in range((body.limit - 1) // TURNS_A_REQUEST):
        await desk.limits.check(caller, request)
    wanted = Wanted(body.since, body.limit)
    frames = _frames(desk.services, viewer, caller.tenant, candidate, wanted)
    return progress(frames, desk.streams.counted(caller))


async def _frames(
    services: Services, viewer: Principal, tenant: Tenant, candidate: Candidate, wanted: Wanted
) -> AsyncIterator[bytes]:
    """The replay as server-sent events; a reader who leaves ends it."""
    ended: asyncio.Queue[bool] = asyncio.Queue()
    work = replay_turns(services, viewer, tenant, candidate, wanted, lambda: ended.put_nowait(True))
    task = asyncio.create_task(work)
    task.add_done_callback(lambda _: ended.put_nowait(False))
    try:
        number = 0
        while await ended.get():
            number += 1
            yield frame("turn", {"number": number})
        yield frame("done", _shown(await task))
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await task


def _shown(report: ReplayReport) -> dict[str, Any]:
    groups = [
        {
            "name": group.name,
            "weight": group.weight,
            "n": len(group.turns),
            "turns": [_turn(turn) for turn in group.turns[:MOST_SHOWN]],
        }
        for group in report.groups
    ]
    return {"title": report.title, "notes": report.notes, "figures": report.figures(), "groups": groups}


def _turn(turn: Compared) -> dict[str, Any]:
    return asdict(turn) | {
        "ms": {"before": turn.ms[0], "after": turn.ms[1]},
        "usd": {"before": turn.usd[0], "after": turn.usd[1]},
    }
