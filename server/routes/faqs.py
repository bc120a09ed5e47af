"""FAQs: reading and searching what the tenant knows."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from desk.errors import InvalidInput, NotFound
from desk.storage import faqs
from server.deps import CurrentCaller, CurrentDesk
from server.routes.chat import json_response

router = APIRouter(prefix="/api/v1/faqs", tags=["faqs"])


@router.get("/search", summary="Search the FAQs")
async def search(
    desk: CurrentDesk,
    caller: CurrentCaller,
    q: Annotated[str, Query(min_length=1, max_length=500)],
    limit: Annotated[int, Query(ge=1, le=50)] = 5,
) -> Response:
    """Passages, best first, with their similarity from 0 to 1."""
    if "\0" in q:
        raise InvalidInput("q: must not contain NUL characters")
    found = await desk.services.engine.faqs(caller.principal, q, limit=limit)
    return json_response({"results": [asdict(passage.citation()) for passage in found]})


@router.get("", summary="All FAQs, page by page")
async def list_faqs(
    desk: CurrentDesk,
    caller: CurrentCaller,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    """In the order of their ids; `next_cursor` is null on the last page."""
    async with desk.services.engine.database.tenant_tx(caller.principal) as tx:
        found = await faqs.list_page(tx, cursor, limit)
    next_cursor = found[-1].external_id if len(found) == limit else None
    return json_response({"faqs": [_shown(faq) for faq in found], "next_cursor": next_cursor})


@router.get("/{faq_id}", summary="One FAQ")
async def get_faq(faq_id: str, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """The FAQ by its own id, as it was loaded."""
    async with desk.services.engine.database.tenant_tx(caller.principal) as tx:
        faq = await faqs.get(tx, faq_id)
    if faq is None:
        raise NotFound
    return json_response(_shown(faq))


def _shown(faq: Any) -> dict[str, Any]:
    return {
        "id": faq.external_id,
        "question": faq.question,
        "answer": faq.answer,
        "category": faq.category,
        "language": faq.language,
        "version": faq.version,
        "updated_at": faq.updated_at.isoformat(),
    }
