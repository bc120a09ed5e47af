"""Tenants: made, changed, suspended, exported and erased by who runs the installation."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from desk.domain import Principal, TenantSettings
from desk.errors import Forbidden, InvalidInput
from desk.storage import tenants
from server.auth import Caller
from server.deps import CurrentCaller, CurrentDesk, Desk
from server.openapi import LINES, answers, sent_as
from server.promises import Promises
from server.routes.chat import json_response, person
from server.routes.usage import MOST_HOURS, shown_usage
from server.schemas import TenantBody, TenantChangeBody
from server.shapes.tenants import ErasedTenantOut, FullTenantOut, SpendingOut, TenantOut, TenantsOut
from server.tenancy import Tenancy, shown

router = APIRouter(prefix="/api/v1/tenants", tags=["tenants"])


def tenancy_of(desk: Desk, caller: Caller) -> Tenancy:
    """What the caller may do with tenants; raises Forbidden for everybody else, whatever their rights are."""
    if caller.tenant.slug != tenants.PLATFORM:
        raise Forbidden
    return tenancy_as(desk, caller)


def tenancy_as(desk: Desk, caller: Caller) -> Tenancy:
    """The tenancy at which the caller is at work; what they may do there is the route's to say."""
    engine = desk.services.engine
    promises = Promises(engine.settings, engine.database, desk.services)
    return Tenancy(engine.settings, engine.database, engine.keys, person(caller), promises)


@router.get("", summary="All tenants, page by page", responses=answers(TenantsOut))
async def list_tenants(
    desk: CurrentDesk,
    caller: CurrentCaller,
    cursor: Annotated[str, Query(max_length=63)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    """In the order of their slugs; `next_cursor` is null on the last page."""
    tenancy_of(desk, caller)
    async with desk.services.engine.database.control_tx() as tx:
        found = await tenants.list_page(tx, cursor, limit)
    next_cursor = found[-1].slug if len(found) == limit else None
    return json_response({"tenants": [shown(tenant) for tenant in found], "next_cursor": next_cursor})


@router.post("", summary="Make a tenant", status_code=201, responses=answers(TenantOut, status=201))
async def create_tenant(body: TenantBody, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """`placement: own` gives it a schema and a database role of its own, and needs the owner's login."""
    made = await tenancy_of(desk, caller).create(
        body.slug, body.name or body.slug, body.settings, body.placement
    )
    return json_response(shown(made), status=201)


@router.get("/{slug}", summary="One tenant, with its settings", responses=answers(FullTenantOut))
async def get_tenant(slug: str, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """`settings` are those that were set, `defaults` what counts for the others."""
    stored = await tenancy_of(desk, caller).get(slug)
    return json_response({**shown(stored), "defaults": defaults_of(desk)})


@router.patch("/{slug}", summary="Change a tenant's name and settings", responses=answers(TenantOut))
async def change_tenant(
    slug: str, body: TenantChangeBody, desk: CurrentDesk, caller: CurrentCaller
) -> Response:
    """Settings that are not named stay; null puts one back. It counts everywhere within ten seconds."""
    changed = await tenancy_of(desk, caller).change(slug, body.name, body.settings)
    return json_response(shown(changed))


@router.post("/{slug}/suspend", summary="Suspend a tenant", responses=answers(TenantOut))
async def suspend_tenant(slug: str, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """Running turns are stopped, jobs leave it out, and within ten seconds all its callers get 403."""
    return json_response(shown(await tenancy_of(desk, caller).set_status(slug, "suspended")))


@router.post("/{slug}/resume", summary="Let a suspended tenant go on", responses=answers(TenantOut))
async def resume_tenant(slug: str, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """As it was."""
    return json_response(shown(await tenancy_of(desk, caller).set_status(slug, "active")))


@router.delete(
    "/{slug}", summary="Erase a suspended tenant with all it has", responses=answers(ErasedTenantOut)
)
async def erase_tenant(
    slug: str,
    desk: CurrentDesk,
    caller: CurrentCaller,
    confirm: Annotated[str, Query(description="The slug once more.")] = "",
) -> Response:
    """It cannot be undone; 409 while the tenant is active. Needs the owner's login."""
    tenancy = tenancy_of(desk, caller)
    if confirm != slug:
        raise InvalidInput(f"This cannot be undone; say ?confirm={slug} if it is meant.")
    return json_response({"slug": slug, "rows": await tenancy.erase(slug)})


@router.get("/{slug}/usage", summary="What a tenant spent, and what it may", responses=answers(SpendingOut))
async def tenant_usage(
    slug: str,
    desk: CurrentDesk,
    caller: CurrentCaller,
    hours: Annotated[int, Query(ge=1, le=MOST_HOURS)] = 24,
) -> Response:
    """As the tenant's own admin reads it."""
    stored = await tenancy_of(desk, caller).get(slug)
    async with desk.services.engine.database.control_tx() as tx:
        tenant = await tenants.find(tx, stored.id)
    assert tenant is not None
    who = Principal(stored.id, "worker")
    return json_response(await shown_usage(desk.services.engine.database, who, tenant, hours))


@router.get(
    "/{slug}/export",
    summary="All rows of a tenant, as lines of JSON",
    responses=sent_as(LINES, told="A line for each row, as `{table, row}`."),
)
async def export_tenant(slug: str, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """`{table, row}` a line; messages with their text. Noted in the tenant's audit."""
    tenancy = tenancy_of(desk, caller)
    await tenancy.get(slug)
    return StreamingResponse(tenancy.export(slug), media_type=LINES)


def defaults_of(desk: Desk) -> dict[str, Any]:
    """What counts where a tenant has set nothing: people are told how long their conversations are kept."""
    kept = desk.services.engine.settings.data_retention_days
    return asdict(TenantSettings(retention_days=kept))
