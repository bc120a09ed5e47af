"""Playground: recorded turns opened step by step, and run on from in a sandbox."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from desk.domain import ConversationId, TurnId
from desk.errors import DeskError, InvalidInput
from desk.events import Step
from desk.storage import audit, turn_reviews
from graphs.replays.recorded import Recorded, open_turn
from graphs.replays.sandbox import Fork, Run, check_fork, run_fork
from graphs.services import Services
from graphs.streams.turn_stream import problem_of
from graphs.tuning import tuned
from server.deps import CurrentCaller, CurrentDesk
from server.openapi import answers
from server.progress import EVENTS, frame, progress
from server.recorded_turns import (
    edited,
    recorded_choice,
    shown_list,
    shown_run,
    shown_turn,
)
from server.routes.chat import json_response, person
from server.schemas import ForkBody
from server.shapes.turns import OpenedTurnOut, RecordedTurnsOut

router = APIRouter(prefix="/api/v1/playground", tags=["playground"])

log = structlog.get_logger("desk.playground")


@router.get("/turns", summary="Recorded turns, the newest first", responses=answers(RecordedTurnsOut))
async def list_turns(
    desk: CurrentDesk,
    caller: CurrentCaller,
    conversation_id: UUID | None = None,
    cursor: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Of the whole tenant or of one conversation; texts hold pseudonyms."""
    viewer = person(caller)
    async with desk.services.engine.database.tenant_tx(viewer) as tx:
        found = await turn_reviews.list_page(
            tx,
            "all",
            conversation_id=ConversationId(conversation_id) if conversation_id else None,
            before=TurnId(cursor) if cursor else None,
            limit=limit,
        )
        await turn_reviews.note_look(tx, viewer, found)
    page = await shown_list(desk.services, viewer, found)
    return json_response({"turns": page, "next_cursor": page[-1]["id"] if len(page) == limit else None})


@router.get("/turns/{turn_id}", summary="A recorded turn with its steps", responses=answers(OpenedTurnOut))
async def get_turn(turn_id: UUID, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """Each node's input, output, time and cost, what a model was sent, and what may be changed in a run."""
    viewer = person(caller)
    recorded = await open_turn(desk.services, viewer, caller.tenant, TurnId(turn_id))
    async with desk.services.engine.database.tenant_tx(viewer) as tx:
        await audit.record(tx, viewer, "turn.read", str(turn_id))
    return json_response(await shown_turn(desk.services, recorded))


@router.post(
    "/turns/{turn_id}/runs",
    summary="Go on from a step of a recorded turn, in a sandbox",
    responses=answers() | EVENTS,
)
async def run_turn_again(
    turn_id: UUID, body: ForkBody, request: Request, desk: CurrentDesk, caller: CurrentCaller
) -> Response:
    """`times` runs, one after the other, as events: `step`, `run` for each that ended, one last `done`.

    Nothing is done, sent to the customer or kept but a row of the audit; each run counts as a request.
    """
    viewer = person(caller)
    desk.streams.check(caller)
    recorded = await open_turn(desk.services, viewer, caller.tenant, TurnId(turn_id))
    had = await recorded_choice(desk.services, recorded)
    prompts = await edited(had, prompt=body.prompt, intents=body.intents)
    fork = Fork(body.at, body.state, body.message, tuned(body.parameters), prompts)
    check_fork(desk.services, recorded, fork)
    for _ in range(body.times - 1):
        await desk.limits.check(caller, request)
    async with desk.services.engine.database.tenant_tx(viewer) as tx:
        texts = [name for name in ("prompt", "intents") if getattr(body, name) is not None]
        changed = sorted([*body.state, *body.parameters, *texts])
        detail = {"at": body.at, "times": body.times, "changed": changed}
        await audit.record(tx, viewer, "playground.run", str(turn_id), detail)
    frames = _frames(desk.services, recorded, fork, body.times)
    return progress(frames, desk.streams.counted(caller))


async def _frames(services: Services, recorded: Recorded, fork: Fork, times: int) -> AsyncIterator[bytes]:
    """The runs as server-sent events; a reader who leaves ends them."""
    for number in range(1, times + 1):
        told: asyncio.Queue[Step | None] = asyncio.Queue()
        task = asyncio.create_task(_run(services, recorded, fork, told))
        try:
            while (step := await told.get()) is not None:
                yield frame("step", {"run": number, "node": step.node, "state": step.state, "ms": step.ms})
            run = await task
        except DeskError as error:
            yield frame("error", problem_of(error, recorded.turn.id))
            return
        except Exception as error:
            # A node met a value that somebody typed; whoever typed it is told, in the error's name alone.
            log.warning("sandbox_failed", turn_id=str(recorded.turn.id), error=type(error).__name__)
            said = f"A node could not run with these values ({type(error).__name__})."
            yield frame("error", problem_of(InvalidInput(said), recorded.turn.id))
            return
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
        yield frame("run", {"run": number, **await shown_run(services, recorded, fork, run)})
    yield frame("done", {"runs": times})


async def _run(services: Services, recorded: Recorded, fork: Fork, told: asyncio.Queue[Step | None]) -> Run:
    try:
        return await run_fork(services, recorded, fork, told.put_nowait)
    finally:
        told.put_nowait(None)
