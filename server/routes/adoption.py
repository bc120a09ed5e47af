"""Adoption: who signs in takes over what they said as a visitor."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from desk.errors import NotFound
from desk.subjects.adoption import adopt
from server.deps import CurrentCaller, CurrentDesk
from server.openapi import answers
from server.routes.chat import json_response, person
from server.schemas import AdoptBody
from server.shapes.accounts import AdoptedOut

router = APIRouter(prefix="/api/v1/me", tags=["me"])


@router.post(
    "/adopt", summary="Take over the conversations that one had as a visitor", responses=answers(AdoptedOut)
)
async def adopt_conversations(
    body: AdoptBody, request: Request, desk: CurrentDesk, caller: CurrentCaller
) -> Response:
    """With both tokens: one's own in the header, the visitor's in the body. The visitor sees them no more."""
    visitor = await desk.authenticator.by_token(body.visitor_token, request)
    if visitor.tenant.id != caller.tenant.id or visitor.principal.subject_id is None:
        raise NotFound
    engine = desk.services.engine
    moved = await adopt(engine.database, engine.keys, person(caller), visitor.principal.subject_id)
    return json_response({"conversations": moved})
