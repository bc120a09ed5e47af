"""Turns: read one again or later, cancel it; and for admins the dead letters.

A cancelled turn keeps what was said, as messages of its conversation, and its stream ends with `error`,
status 499: there are two last events, and `done` would pass a part off as the whole answer.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Query
from starlette.responses import Response

from desk.domain import TurnId
from desk.storage import dead_letters, turns
from desk.storage.turns import Turn
from server.deps import CurrentCaller, CurrentDesk
from server.events import TURN_EVENTS, event_stream
from server.openapi import Responses, answers
from server.routes.chat import json_response, person
from server.shapes.turns import DeadLettersOut, TurnStateOut

router = APIRouter(prefix="/api/v1/turns", tags=["turns"])

_LARGEST_ID = 2**53
_OVER: Responses = {204: {"description": "There is nothing more, and never will be."}}


@router.get(
    "/{turn_id}/events",
    summary="Read a turn's events, from the first or after the last one seen",
    responses=TURN_EVENTS | _OVER,
)
async def read_turn_events(
    turn_id: UUID,
    desk: CurrentDesk,
    caller: CurrentCaller,
    last_event_id: Annotated[int, Header(alias="Last-Event-ID", ge=0, le=_LARGEST_ID)] = 0,
) -> Response:
    """One's own turn, running or over; 204 when there is nothing after `Last-Event-ID` and never will be."""
    principal = person(caller).as_user()
    desk.streams.check(caller)
    stream = await desk.runner.follow(principal, TurnId(turn_id), after=last_event_id)
    return event_stream(stream, last_event_id, counted=desk.streams.counted(caller))


@router.post(
    "/{turn_id}/cancel",
    summary="Stop a turn of one's own",
    status_code=202,
    responses=answers(TurnStateOut, status=202),
)
async def cancel_turn(turn_id: UUID, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """What was said is kept. `state` is `accepted` while the turn is being stopped, else how it ended."""
    state = await desk.runner.cancel(person(caller).as_user(), TurnId(turn_id))
    return json_response({"turn_id": str(turn_id), "state": state}, status=202)


@router.get("", summary="Dead letters: turns that could not be completed", responses=answers(DeadLettersOut))
async def list_dead_turns(
    desk: CurrentDesk,
    caller: CurrentCaller,
    _state: Annotated[Literal["dead"], Query(alias="state")],
    cursor: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """The oldest first, with the reason; what the customer wrote is not shown."""
    after = TurnId(cursor) if cursor else None
    async with desk.services.engine.database.tenant_tx(person(caller)) as tx:
        found = await turns.list_dead(tx, after=after, limit=limit)
    page = [shown(turn) for turn in found]
    return json_response({"turns": page, "next_cursor": page[-1]["id"] if len(page) == limit else None})


@router.post(
    "/{turn_id}/replay",
    summary="Let a dead letter run again",
    status_code=202,
    responses=answers(TurnStateOut, status=202),
)
async def replay_turn(turn_id: UUID, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """It has three new tries; its customer finds the answer in the conversation."""
    async with desk.services.engine.database.tenant_tx(person(caller)) as tx:
        await dead_letters.replay(tx, person(caller), TurnId(turn_id))
    return json_response({"turn_id": str(turn_id), "state": "accepted"}, status=202)


@router.delete("/{turn_id}", summary="Drop a dead letter", status_code=204)
async def drop_turn(turn_id: UUID, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """Gone with the message, which was never answered."""
    async with desk.services.engine.database.tenant_tx(person(caller)) as tx:
        await dead_letters.drop(tx, person(caller), TurnId(turn_id))
    return Response(status_code=204)


def shown(turn: Turn) -> dict[str, Any]:
    """A dead letter as an operator sees it: ids, times and the reason."""
    return {
        "id": str(turn.id),
        "conversation_id": str(turn.conversation_id),
        "state": turn.state,
        "attempts": turn.attempts,
        "reason": turn.reason,
        "accepted_at": turn.accepted_at.isoformat(),
        "finished_at": turn.finished_at.isoformat() if turn.finished_at else None,
    }
