"""Evals: the suites that an admin may play from the browser, and cases of their own, in the sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from starlette.responses import Response

from desk.errors import DeskError
from desk.storage import audit
from evals.cases import Case, parse_cases, read_cases
from evals.data import OWN
from evals.rehearsal import Rehearsal
from graphs.tuning import tuned
from server.deps import CurrentCaller, CurrentDesk
from server.openapi import answers
from server.progress import EVENTS, frame, progress
from server.recorded_turns import edited, todays_choice
from server.routes.chat import json_response, person
from server.schemas import EvalRunBody
from server.shapes.turns import SuitesOut

router = APIRouter(prefix="/api/v1/evals", tags=["evals"])

PLAYABLE = ("bookshop",)


@router.get("", summary="The suites that can be played here", responses=answers(SuitesOut))
async def list_suites(_caller: CurrentCaller) -> Response:
    """`{suites: [{suite, cases, turns}]}`; the other suites read files, and are commands."""
    found = {suite: read_cases(OWN / f"{suite}.jsonl") for suite in PLAYABLE}
    suites = [
        {"suite": suite, "cases": len(cases), "turns": sum(len(case.turns) for case in cases)}
        for suite, cases in found.items()
    ]
    return json_response({"suites": suites})


@router.post("/runs", summary="Play cases in a sandbox", responses=answers() | EVENTS)
async def run_cases(
    body: EvalRunBody, request: Request, desk: CurrentDesk, caller: CurrentCaller
) -> Response:
    """Each case as a conversation of its own, as events: `case` for each that ended, one last `done`.

    Each case counts as a request. A case speaks as a guest; in the demo as the person that it names.
    """
    viewer = person(caller)
    desk.streams.check(caller)
    cases = read_cases(OWN / f"{body.suite}.jsonl") if body.suite else parse_cases(body.cases)
    today = await todays_choice(desk.services, caller.tenant)
    prompts = await edited(today, prompt=body.prompt, intents=body.intents)
    tuning = tuned(body.parameters)
    for _ in cases[1:]:
        await desk.limits.check(caller, request)
    async with desk.services.engine.database.tenant_tx(viewer) as tx:
        await audit.record(tx, viewer, "evals.run", body.suite or "cases", {"cases": len(cases)})
    vouched = desk.services.engine.settings.demo
    rehearsal = Rehearsal(desk.services, caller.tenant, viewer.as_user(), tuning, prompts, vouched)
    frames = _frames(rehearsal, cases)
    return progress(frames, desk.streams.counted(caller))


async def _frames(rehearsal: Rehearsal, cases: list[Case]) -> AsyncIterator[bytes]:
    passed = 0
    for number, case in enumerate(cases, 1):
        try:
            failures = await rehearsal.play(case)
        except DeskError as error:
            failures = [{"said": "", "failed": ["run"], "got": {"route": "none", "text": error.detail}}]
        passed += not failures
        told = {"number": number, "of": len(cases), "id": case.id, "failures": failures}
        yield frame("case", told)
    yield frame("done", {"played": len(cases), "passed": passed})
