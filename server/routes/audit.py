"""Audit: who did what to what in the tenant, to read page by page or to take away with its chain."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from desk.storage import audit
from desk.storage.audit import Filter
from desk.subjects.audit_chain import PURPOSE, Chain, verify
from desk.subjects.audit_export import audit_lines, shown
from server.deps import CurrentCaller, CurrentDesk
from server.openapi import LINES, answers, sent_as
from server.routes.chat import json_response, person
from server.shapes.privacy import AuditOut, VerdictOut

router = APIRouter(prefix="/api/v1/audit", tags=["audit"])

# A broken chain needs somebody at the command line; more would not say more.
_FINDINGS = 20

Word = Annotated[str | None, Query(max_length=200, pattern=r"^[\x20-\x7e]+$")]


@router.get("", summary="What was done in the tenant, the newest first", responses=answers(AuditOut))
async def list_audit(
    desk: CurrentDesk,
    caller: CurrentCaller,
    action: Word = None,
    actor: Word = None,
    about: Annotated[str | None, Query(alias="object", max_length=200, pattern=r"^[\x20-\x7e]+$")] = None,
    cursor: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    """Acts with who did them, as ids; nothing of what a customer wrote."""
    async with desk.services.engine.database.tenant_tx(person(caller)) as tx:
        found = await audit.list_page(tx, Filter(action, actor, about, cursor), limit=limit)
    page = [shown(row) for row in found]
    return json_response({"audit": page, "next_cursor": page[-1]["id"] if len(page) == limit else None})


@router.get("/verify", summary="Whether the audit's chain holds", responses=answers(VerdictOut))
async def verify_audit(desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """As `desk audit verify` tells it: `newest_seal` is `NUMBER:HASH`; without `findings` the chain holds."""
    engine = desk.services.engine
    verdict = await verify(engine.database, person(caller).tenant_id, Chain(engine.keys.secret(PURPOSE)))
    return json_response(
        {
            "rows": verdict.rows,
            "unsealed": verdict.unsealed,
            "newest_seal": f"{verdict.last}:{verdict.head.hex()}" if verdict.last else None,
            "findings": [{"number": one.number, "what": one.what} for one in verdict.findings[:_FINDINGS]],
        }
    )


@router.get(
    "/export",
    summary="All of the audit with its chain, one JSON object a line",
    responses=sent_as(LINES, told="A line for each act, with its link of the chain."),
)
async def export_audit(desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """Each line's `hash` stands on the one before; the export itself is noted."""
    database = desk.services.engine.database
    async with database.tenant_tx(person(caller)) as tx:
        await audit.record(tx, person(caller), "audit.export", audit.OBJECT)
    headers = {"content-disposition": 'attachment; filename="audit.jsonl"', "cache-control": "no-store"}
    lines = audit_lines(database, person(caller))
    return StreamingResponse(lines, headers=headers, media_type=LINES)
