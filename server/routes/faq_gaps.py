"""FAQ gaps: what many customers asked and the FAQs do not answer; a gap becomes a draft, or is dismissed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from desk.domain import Principal
from desk.errors import Conflict, NotFound
from desk.retrieval.ingest import ingest
from desk.retrieval.load import id_of
from desk.storage import audit, faq_gaps, faqs
from desk.storage.faq_gaps import Gap
from desk.storage.faqs import FaqEntry
from desk.storage.pool import Tx
from desk.subjects.wordings import Wording, wordings_of
from server.deps import CurrentCaller, CurrentDesk, Desk
from server.openapi import answers
from server.routes.chat import json_response, person
from server.shapes.faqs import FaqDraftOut, FaqGapsOut

router = APIRouter(prefix="/api/v1/faqs/gaps", tags=["faqs"])


@router.get("", summary="What many asked and no FAQ answers", responses=answers(FaqGapsOut))
async def list_gaps(
    desk: CurrentDesk,
    caller: CurrentCaller,
    state: Annotated[Literal["open", "drafted", "dismissed"], Query()] = "open",
    cursor: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Response:
    """The most asked first. A gap has three questions of two people or more; `rare` counts all the others.

    Texts hold pseudonyms. `question` is the wording that is nearest to the others of its gap.
    """
    viewer = person(caller)
    async with desk.services.engine.database.tenant_tx(viewer) as tx:
        found = await faq_gaps.list_page(tx, state, after=cursor, limit=limit)
        rare = await faq_gaps.count_rare(tx)
    wordings = await _wordings(desk, viewer, found)
    next_cursor = str(found[-1].id) if len(found) == limit else None
    shown = [_shown(gap, wordings[gap.id]) for gap in found]
    return json_response({"gaps": shown, "rare": rare, "next_cursor": next_cursor})


@router.post(
    "/{gap_id}/draft",
    summary="Begin a FAQ for a gap",
    status_code=201,
    responses=answers(FaqDraftOut, status=201),
)
async def draft(gap_id: UUID, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """A draft without an answer: customers get it once somebody has written one and published it.

    Only wordings without names and long numbers go into it. 409 when there is none, or a draft already.
    """
    editor, engine = person(caller), desk.services.engine
    async with engine.database.tenant_tx(editor) as tx:
        gap = await _get(tx, gap_id)
    if gap.faq_id is not None:
        raise Conflict(f"A draft was begun for this gap: {gap.faq_id}.")
    entry = _entry((await _wordings(desk, editor, [gap]))[gap.id])
    async with engine.database.tenant_tx(editor) as tx:
        known = await faqs.get(tx, entry.external_id)
    if known is None:
        await ingest(engine.database, engine.embedder, editor, [entry])
    async with engine.database.tenant_tx(editor) as tx:
        await faq_gaps.note_draft(tx, gap.id, entry.external_id)
        await audit.record(tx, editor, "faq_gap.draft", str(gap.id), {"faq": entry.external_id})
    drafted = {"faq_id": entry.external_id, "question": entry.question, "aliases": entry.aliases}
    return json_response(drafted, 201)


@router.post("/{gap_id}/dismiss", summary="Dismiss a gap", status_code=204, responses=answers())
async def dismiss(gap_id: UUID, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """It is nothing that the shop wants to answer; more of the same questions do not bring it back."""
    editor = person(caller)
    async with desk.services.engine.database.tenant_tx(editor) as tx:
        gap = await _get(tx, gap_id)
        await faq_gaps.dismiss(tx, gap.id)
        await audit.record(tx, editor, "faq_gap.dismiss", str(gap.id))
    return Response(status_code=204)


async def _get(tx: Tx, gap_id: UUID) -> Gap:
    gap = await faq_gaps.get(tx, gap_id)
    if gap is None:
        raise NotFound
    return gap


async def _wordings(desk: Desk, viewer: Principal, gaps: Sequence[Gap]) -> dict[UUID, list[Wording]]:
    engine = desk.services.engine
    return await wordings_of(engine.database, engine.keys, viewer, [gap.id for gap in gaps])


def _entry(wordings: Sequence[Wording]) -> FaqEntry:
    """The draft: the most central plain wording is its question, the others are its other wordings."""
    plain = [one.text for one in wordings if one.plain]
    if not plain:
        raise Conflict("No question of this gap is free of names and long numbers; write the FAQ yourself.")
    question, *others = dict.fromkeys(plain)
    return FaqEntry(id_of(question), question, aliases=tuple(others), draft=True)


def _shown(gap: Gap, wordings: Sequence[Wording]) -> dict[str, Any]:
    texts = list(dict.fromkeys(one.text for one in wordings))
    return {
        "id": str(gap.id),
        "state": gap.state,
        "question": texts[0] if texts else None,
        "others": texts[1:],
        "questions": gap.questions,
        "persons": gap.persons,
        "first_seen": gap.first_seen.isoformat(),
        "last_seen": gap.last_seen.isoformat(),
        "faq_id": gap.faq_id,
    }
