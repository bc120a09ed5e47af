"""Sites: the pages on which a shop's widget stands, to be read by its admin; they are made by command."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from desk.storage import sites
from server.deps import CurrentCaller, CurrentDesk
from server.openapi import answers
from server.routes.chat import json_response, person
from server.shapes.tenants import SitesOut

router = APIRouter(prefix="/api/v1/sites", tags=["widget"])


@router.get("", summary="The pages on which one's widget may stand", responses=answers(SitesOut))
async def list_sites(desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """`key` is what a page names as its `site`, `origins` those whose pages may; revoked ones stay listed."""
    admin = person(caller)
    async with desk.services.engine.database.tenant_tx(admin) as tx:
        found = await sites.list_all(tx, admin.tenant_id)
    shown = [
        {
            "key": site.key,
            "name": site.name,
            "origins": site.origins,
            "created_at": site.created_at.isoformat(),
            "revoked_at": site.revoked_at.isoformat() if site.revoked_at else None,
        }
        for site in found
    ]
    return json_response({"sites": shown})
