"""API keys: a tenant's admin makes them for services, with rights and an end, rotates and revokes them."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import AfterValidator, Field
from starlette.responses import Response

from desk.errors import NotFound
from desk.storage import api_keys, audit
from desk.storage.api_keys import ApiKey
from server.access import RIGHTS
from server.deps import CurrentCaller, CurrentDesk
from server.openapi import answers
from server.routes.chat import json_response, person
from server.schemas import Body, Name
from server.shapes.accounts import ApiKeysOut, NewApiKeyOut

router = APIRouter(prefix="/api/v1/api-keys", tags=["api-keys"])


def _of_services(rights: list[str]) -> list[str]:
    unknown = sorted(set(rights) - RIGHTS["service"])
    if unknown:
        raise ValueError(f"a service may have {', '.join(sorted(RIGHTS['service']))}")
    return sorted(set(rights))


class ApiKeyBody(Body):
    """A new key: its name, its rights of those that a service may have, and its end in days from now."""

    name: Name
    rights: Annotated[list[str], Field(min_length=1, max_length=20), AfterValidator(_of_services)]
    expires_in_days: Annotated[int, Field(ge=1, le=3650)] | None = None


class RotationBody(Body):
    """For how many seconds the old key holds beside the new one."""

    overlap_seconds: Annotated[int, Field(ge=0, le=30 * 24 * 3600)] = 24 * 3600


@router.get("", summary="The tenant's API keys", responses=answers(ApiKeysOut))
async def list_keys(desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """Without their secrets; those that ended stay listed for a month."""
    admin = person(caller)
    async with desk.services.engine.database.tenant_tx(admin) as tx:
        found = await api_keys.list_all(tx, admin.tenant_id)
    return json_response({"api_keys": [_shown(key) for key in found]})


@router.post("", summary="Make an API key", status_code=201, responses=answers(NewApiKeyOut, status=201))
async def create(body: ApiKeyBody, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """The only answer that ever shows the key."""
    desk.limits.require_shared()
    admin = person(caller)
    async with desk.services.engine.database.tenant_tx(admin) as tx:
        key = await api_keys.create(tx, admin.tenant_id, body.name, body.rights, days=body.expires_in_days)
        key_id = api_keys.id_of(key)
        await audit.record(tx, admin, "api_key.created", str(key_id), {"rights": body.rights})
    return json_response({"id": str(key_id), "key": key}, 201)


@router.post(
    "/{key_id}/rotate",
    summary="A new key in place of this one",
    status_code=201,
    responses=answers(NewApiKeyOut, status=201),
)
async def rotate(key_id: UUID, body: RotationBody, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """It has the same name, rights and end; the old one holds for the overlap yet."""
    desk.limits.require_shared()
    admin = person(caller)
    async with desk.services.engine.database.tenant_tx(admin) as tx:
        known = await api_keys.get(tx, admin.tenant_id, key_id)
        if known is None:
            raise NotFound
        key = await api_keys.rotate(tx, known, overlap_seconds=body.overlap_seconds)
        fresh_id = api_keys.id_of(key)
        await audit.record(tx, admin, "api_key.rotated", str(key_id), {"to": str(fresh_id)})
    desk.reception.api_keys.forget(key_id)
    return json_response({"id": str(fresh_id), "key": key}, 201)


@router.delete("/{key_id}", summary="End an API key", status_code=204, responses=answers())
async def revoke(key_id: UUID, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """It is refused at once here, and within ten seconds by other processes."""
    admin = person(caller)
    async with desk.services.engine.database.tenant_tx(admin) as tx:
        if not await api_keys.revoke(tx, admin.tenant_id, key_id):
            raise NotFound
        await audit.record(tx, admin, "api_key.revoked", str(key_id))
    desk.reception.api_keys.forget(key_id)
    return Response(status_code=204)


def _shown(key: ApiKey) -> dict[str, Any]:
    times = ("created_at", "expires_at", "revoked_at", "last_used_at")
    shown: dict[str, Any] = {"id": str(key.id), "name": key.name, "rights": list(key.rights)}
    for name in times:
        moment = getattr(key, name)
        shown[name] = moment.isoformat() if moment else None
    return shown
