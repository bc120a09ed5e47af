"""FAQs: reading and searching what the tenant knows; its admins write, import and take it away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any
from weakref import WeakValueDictionary

import orjson
from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator
from starlette.responses import Response, StreamingResponse

from desk.domain import FaqId, TenantId
from desk.errors import Conflict, NotFound
from desk.retrieval.ingest import ingest
from desk.retrieval.load import id_of, load_text
from desk.retrieval.similar import warn
from desk.storage import audit, faq_hits, faqs
from desk.storage.faqs import Faq, FaqEntry, Filter, State
from server.auth import Caller
from server.deps import CurrentCaller, CurrentDesk, Desk
from server.openapi import LINES, answers, sent_as
from server.routes.chat import json_response, person
from server.schemas import FaqBody, FaqFields, FaqImportBody, without_nul
from server.shapes.faqs import (
    CategoriesOut,
    FaqOut,
    FaqsOut,
    FaqVersionsOut,
    FoundFaqsOut,
    ImportedOut,
    WrittenFaqOut,
)

router = APIRouter(prefix="/api/v1/faqs", tags=["faqs"])

# Those of files are freer than those that are made here.
AnyFaqName = Annotated[str, Path(), AfterValidator(without_nul)]

_PAGE = 200
# Held while a tenant's import runs here.
_imports: WeakValueDictionary[TenantId, asyncio.Lock] = WeakValueDictionary()
# What is written of a FAQ, and taken away with it.
_WRITTEN = (
    "question",
    "answer",
    "category",
    "language",
    "aliases",
    "draft",
    "publish_at",
    "expires_at",
)


@router.get("/search", summary="Search the FAQs", responses=answers(FoundFaqsOut))
async def search(
    desk: CurrentDesk,
    caller: CurrentCaller,
    q: Annotated[str, Query(min_length=1, max_length=500), AfterValidator(without_nul)],
    limit: Annotated[int, Query(ge=1, le=50)] = 5,
) -> Response:
    """Passages, best first, with their similarity from 0 to 1."""
    found = await desk.services.engine.faqs(caller.principal, q, limit=limit)
    return json_response({"results": [asdict(passage.citation()) for passage in found]})


@router.get("", summary="All FAQs, page by page", responses=answers(FaqsOut))
async def list_faqs(
    desk: CurrentDesk,
    caller: CurrentCaller,
    cursor: Annotated[str, Query(max_length=200), AfterValidator(without_nul)] | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    category: Annotated[str, Query(max_length=200), AfterValidator(without_nul)] | None = None,
    state: State | None = None,
    q: Annotated[str, Query(max_length=500), AfterValidator(without_nul)] | None = None,
) -> Response:
    """In the order of their ids; `next_cursor` is null on the last page. `q` is text that stands in them.

    Admins get every FAQ, with its `hits`: the answers that cited it. Others get those that are shown now.
    """
    everything, wanted = _sees_everything(caller), Filter(category, state, q or None)
    async with desk.services.engine.database.tenant_tx(caller.principal) as tx:
        found = await faqs.list_page(tx, cursor, limit, wanted, everything=everything)
        hits = await faq_hits.count(tx, [faq.id for faq in found]) if everything else None
    next_cursor = found[-1].external_id if len(found) == limit else None
    return json_response({"faqs": [_shown(faq, hits) for faq in found], "next_cursor": next_cursor})


@router.get("/categories", summary="The categories of the FAQs", responses=answers(CategoriesOut))
async def categories(desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """With how many FAQs each has; without a name, those that have no category."""
    async with desk.services.engine.database.tenant_tx(caller.principal) as tx:
        found = await faqs.count_by_category(tx, everything=_sees_everything(caller))
    return json_response({"categories": [{"name": name, "faqs": number} for name, number in found]})


@router.get(
    "/export",
    summary="Take away all FAQs",
    responses=answers() | sent_as(LINES, told="A line for each FAQ, as the import reads them."),
)
async def export(desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """A line of JSON for each, as the import reads them: drafts and expired ones too."""
    person(caller)
    return StreamingResponse(_lines(desk, caller), media_type=LINES)


@router.post("/import", summary="Add or replace FAQs from the text of a file", responses=answers(ImportedOut))
async def import_faqs(body: FaqImportBody, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """What is bad is skipped and told by its line; `unanswered` have no answer, so nobody gets them.

    A file too long for one request is sent in parts.

    Imports of one shop come one after the other: each is worth two cores.
    """
    engine = desk.services.engine
    rows = list(load_text(body.format, body.content))
    async with _imports.setdefault(caller.tenant.id, asyncio.Lock()):
        report = await ingest(engine.database, engine.embedder, person(caller), rows)
    counts = {"added": report.added, "changed": report.changed, "unchanged": report.unchanged}
    counts["unanswered"] = sum(isinstance(row, FaqEntry) and not row.answer for row in rows)
    return json_response(counts | {"bad": [{"line": row.line, "why": row.why} for row in report.bad]})


@router.post("", summary="Add a FAQ", status_code=201, responses=answers(WrittenFaqOut, status=201))
async def create(body: FaqBody, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """409 when there is one with this id. `warnings` name FAQs that say the same, or say it otherwise."""
    faq_id = body.id or id_of(body.question)
    async with desk.services.engine.database.tenant_tx(person(caller)) as tx:
        if await faqs.get(tx, faq_id) is not None:
            raise Conflict("There is a FAQ with this id.")
    return await _write(desk, caller, faq_id, body, 201)


@router.put("/{faq_id}", summary="Replace a FAQ", responses=answers(WrittenFaqOut))
async def replace(faq_id: AnyFaqName, body: FaqFields, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """Another question or answer makes a new version; its other wordings are those that are sent."""
    async with desk.services.engine.database.tenant_tx(person(caller)) as tx:
        if await faqs.get(tx, faq_id) is None:
            raise NotFound
    return await _write(desk, caller, faq_id, body, 200)


@router.delete("/{faq_id}", summary="Delete a FAQ", status_code=204, responses=answers())
async def delete(faq_id: AnyFaqName, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """With its versions; answers that cited it stay as they are."""
    admin = person(caller)
    async with desk.services.engine.database.tenant_tx(admin) as tx:
        if not await faqs.delete(tx, faq_id):
            raise NotFound
        await audit.record(tx, admin, "faqs.deleted", faq_id)
    return Response(status_code=204)


@router.get("/{faq_id}/versions", summary="How a FAQ read before", responses=answers(FaqVersionsOut))
async def versions(faq_id: AnyFaqName, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """The newest first."""
    async with desk.services.engine.database.tenant_tx(person(caller)) as tx:
        found = await faqs.versions(tx, faq_id)
    if not found:
        raise NotFound
    shown = [asdict(one) | {"created_at": one.created_at.isoformat()} for one in found]
    return json_response({"versions": shown})


@router.get("/{faq_id}", summary="One FAQ", responses=answers(FaqOut))
async def get_faq(faq_id: AnyFaqName, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """The FAQ by its own id. Only admins get one that is not shown now."""
    everything = _sees_everything(caller)
    async with desk.services.engine.database.tenant_tx(caller.principal) as tx:
        faq = await faqs.get(tx, faq_id, everything=everything)
        hits = await faq_hits.count(tx, [faq.id]) if faq and everything else None
    if faq is None:
        raise NotFound
    return json_response(_shown(faq, hits))


def _sees_everything(caller: Caller) -> bool:
    """Drafts, and what is not shown yet or any more, is for those who write the FAQs."""
    return caller.principal.scope == "admin"


async def _write(desk: Desk, caller: Caller, faq_id: str, body: FaqFields, status: int) -> Response:
    engine, admin = desk.services.engine, person(caller)
    fields = body.model_dump(exclude={"id", "aliases"})
    entry = FaqEntry(faq_id, **fields, aliases=tuple(dict.fromkeys(body.aliases)))
    warned = await warn(engine.database, engine.embedder, admin, entry)
    await ingest(engine.database, engine.embedder, admin, [entry])
    async with engine.database.tenant_tx(admin) as tx:
        written = await faqs.get(tx, faq_id)
        hits = await faq_hits.count(tx, [written.id]) if written else {}
    return json_response({**_shown(written, hits), "warnings": [asdict(one) for one in warned]}, status)


async def _lines(desk: Desk, caller: Caller) -> AsyncIterator[bytes]:
    cursor: str | None = None
    while True:
        async with desk.services.engine.database.tenant_tx(caller.principal) as tx:
            page = await faqs.list_page(tx, cursor, _PAGE)
        for faq in page:
            row = {"id": faq.external_id, **{name: getattr(faq, name) for name in _WRITTEN}}
            yield orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
        if len(page) < _PAGE:
            return
        cursor = page[-1].external_id


def _shown(faq: Faq | None, hits: Mapping[FaqId, int] | None = None) -> dict[str, Any]:
    """A FAQ as its readers get it; those who write FAQs get `hits` and all that they wrote."""
    assert faq is not None, "it was written or found"
    shown = {
        "id": faq.external_id,
        "question": faq.question,
        "answer": faq.answer,
        "category": faq.category,
        "language": faq.language,
        "version": faq.version,
        "updated_at": faq.updated_at,
    }
    if hits is not None:
        shown |= {name: getattr(faq, name) for name in _WRITTEN}
        shown |= {"state": faq.state(datetime.now(UTC)), "hits": hits.get(faq.id, 0)}
    return shown
