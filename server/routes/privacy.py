"""Privacy: what a person may ask of their own data, and an admin for a person of the tenant."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from desk.domain import SubjectId
from desk.errors import NotFound
from desk.storage import audit, consents, erasures
from desk.storage.consents import Consent
from desk.storage.erasures import Erasure
from desk.subjects.erasing import erase
from desk.subjects.export import Exporter
from desk.subjects.export_forms import MEDIA_TYPES, Form, written
from server.auth import Caller
from server.deps import CurrentCaller, CurrentDesk, Desk
from server.openapi import Responses, answers, shown_as
from server.routes.chat import json_response, person
from server.schemas import ConsentBody, EraseBody, FindSubjectBody
from server.shapes.privacy import ConsentOut, ConsentsOut, ErasureOut, SubjectExportOut, SubjectRefOut

router = APIRouter(prefix="/api/v1/privacy", tags=["privacy"])

_EXPORT: Responses = {200: shown_as(SubjectExportOut, "text/html")}

FormQuery = Annotated[Form, Query(alias="format", description="For machines or for people.")]


@router.post(
    "/erase",
    summary="Erase all that is kept of oneself",
    status_code=202,
    responses=answers(ErasureOut, status=202),
)
async def erase_me(_body: EraseBody, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """The key is destroyed and every turn stopped at once; the rest is gone within a minute."""
    subject_id = person(caller).subject_id
    assert subject_id is not None
    return await _erase(desk, caller, subject_id)


@router.get("/erasures/{erasure_id}", summary="How far an erasure is", responses=answers(ErasureOut))
async def get_erasure(erasure_id: UUID, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """`accepted` or `done`; for whoever knows the id, as the person who asked is not known any more."""
    async with desk.services.engine.database.tenant_tx(person(caller)) as tx:
        found = await erasures.get(tx, erasure_id)
    if found is None:
        raise NotFound
    return json_response(shown(found))


@router.get("/export", summary="Take away all that is kept of oneself", responses=_EXPORT)
async def export_me(desk: CurrentDesk, caller: CurrentCaller, form: FormQuery = "json") -> Response:
    """Conversations, messages, feedback, consents, returns, tickets, the audit about them; streamed."""
    subject_id = person(caller).subject_id
    assert subject_id is not None
    return await _export(desk, caller, subject_id, form)


@router.get("/consent", summary="What one has agreed to", responses=answers(ConsentsOut))
async def get_consents(desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """`current` is the newest decision of each purpose; `history` is every one, the oldest first."""
    subject_id = person(caller).subject_id
    assert subject_id is not None
    async with desk.services.engine.database.tenant_tx(person(caller)) as tx:
        found = await consents.list_all(tx, subject_id)
    current = {one.purpose: shown_consent(one) for one in found}
    return json_response(
        {"current": list(current.values()), "history": [shown_consent(one) for one in found]}
    )


@router.post(
    "/consent",
    summary="Agree to something, or take it back",
    status_code=201,
    responses=answers(ConsentOut, status=201),
)
async def put_consent(body: ConsentBody, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """Kept with the version of the text that was shown; nothing that was said before is changed."""
    principal = person(caller)
    await desk.services.engine.keys.data_key(principal)  # whoever was erased has nothing to agree to
    async with desk.services.engine.database.tenant_tx(principal) as tx:
        kept = await consents.add(tx, principal, body.purpose, body.text_version, granted=body.granted)
    return json_response(shown_consent(kept), status=201)


@router.post("/subjects/find", summary="Find a person of the tenant", responses=answers(SubjectRefOut))
async def find_subject(body: FindSubjectBody, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """The subject's id, by the name in their tokens; in the body, so that no address stands in a URL."""
    admin, keys = person(caller), desk.services.engine.keys
    issuer = body.issuer or desk.services.engine.settings.issuer
    found = await keys.find(admin, issuer, body.user)
    if found is None:
        raise NotFound
    async with desk.services.engine.database.tenant_tx(admin) as tx:
        await audit.record(tx, admin, "subject.find", str(found))
    return json_response({"subject_id": str(found)})


@router.post(
    "/subjects/{subject_id}/erase",
    summary="Erase all that is kept of a person",
    status_code=202,
    responses=answers(ErasureOut, status=202),
)
async def erase_subject(
    subject_id: UUID, _body: EraseBody, desk: CurrentDesk, caller: CurrentCaller
) -> Response:
    """The same for a person or visitor of the tenant; a second request gives the first one."""
    return await _erase(desk, caller, SubjectId(subject_id))


@router.get(
    "/subjects/{subject_id}/export", summary="Take away all that is kept of a person", responses=_EXPORT
)
async def export_subject(
    subject_id: UUID, desk: CurrentDesk, caller: CurrentCaller, form: FormQuery = "json"
) -> Response:
    """The same for a person or visitor of the tenant, to be handed to them."""
    return await _export(desk, caller, SubjectId(subject_id), form)


def shown_consent(consent: Consent) -> dict[str, Any]:
    """A decision as its person sees it."""
    return {
        "purpose": consent.purpose,
        "text_version": consent.text_version,
        "granted": consent.granted,
        "at": consent.at.isoformat(),
    }


def shown(erasure: Erasure) -> dict[str, Any]:
    """An erasure as callers see it: nothing of whom it is about."""
    return {
        "id": str(erasure.id),
        "state": erasure.state,
        "requested_at": erasure.requested_at.isoformat(),
        "finished_at": erasure.finished_at.isoformat() if erasure.finished_at else None,
    }


async def _erase(desk: Desk, caller: Caller, subject_id: SubjectId) -> Response:
    engine = desk.services.engine
    erasure = await erase(engine.database, engine.keys, person(caller), subject_id)
    return json_response(shown(erasure), status=202)


async def _export(desk: Desk, caller: Caller, subject_id: SubjectId, form: Form) -> Response:
    """The stream, once it is noted that it was asked for."""
    engine, by = desk.services.engine, person(caller)
    exporter = await Exporter.of(engine.database, engine.keys, by, subject_id)
    async with engine.database.tenant_tx(by) as tx:
        await audit.record(tx, by, "subject.export", str(subject_id), {"format": form})
    headers = {"content-disposition": f'attachment; filename="export.{form}"', "cache-control": "no-store"}
    parts = written(form, exporter.pieces(), tenant=caller.tenant.name)
    return StreamingResponse(parts, headers=headers, media_type=MEDIA_TYPES[form])
