"""Reviews: turns that went wrong, or may have, looked at again by the tenant's admins."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from desk.domain import TurnId
from desk.errors import NotFound
from desk.storage import audit, turn_reviews
from desk.storage.turn_reviews import Wanted
from server.deps import CurrentCaller, CurrentDesk
from server.openapi import answers
from server.recorded_turns import shown_list
from server.routes.chat import json_response, person
from server.schemas import ReviewBody
from server.shapes.turns import RecordedTurnsOut

router = APIRouter(prefix="/api/v1/reviews", tags=["reviews"])


@router.get("", summary="Turns to look at again, the newest first", responses=answers(RecordedTurnsOut))
async def list_reviews(
    desk: CurrentDesk,
    caller: CurrentCaller,
    wanted: Annotated[Wanted, Query()] = "open",
    cursor: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """`open` are the low-rated and the abstained ones without a label; texts hold pseudonyms."""
    viewer = person(caller)
    async with desk.services.engine.database.tenant_tx(viewer) as tx:
        before = TurnId(cursor) if cursor else None
        found = await turn_reviews.list_page(tx, wanted, before=before, limit=limit)
        await turn_reviews.note_look(tx, viewer, found)
    page = await shown_list(desk.services, viewer, found)
    return json_response({"turns": page, "next_cursor": page[-1]["id"] if len(page) == limit else None})


@router.put("/{turn_id}", summary="Label a turn", status_code=204, responses=answers())
async def review_turn(turn_id: UUID, body: ReviewBody, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """`became` says what it was turned into; without it, what it had become stays."""
    admin = person(caller)
    async with desk.services.engine.database.tenant_tx(admin) as tx:
        if not await turn_reviews.put(tx, admin, TurnId(turn_id), body.label, body.became):
            raise NotFound
        await audit.record(tx, admin, "turn.review", str(turn_id), {"label": body.label})
    return Response(status_code=204)
