"""Settings: what a shop has set, all of it to be read, and of it what its own admin may change."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from desk.errors import InvalidInput
from desk.storage.tenants import StoredTenant
from server.deps import CurrentCaller, CurrentDesk, Desk
from server.openapi import answers
from server.routes.chat import json_response
from server.routes.tenants import defaults_of, tenancy_as
from server.schemas import Body
from server.shapes.tenants import SettingsOut

router = APIRouter(prefix="/api/v1/settings", tags=["tenants"])

# How a shop speaks and when its people are there. What costs, connects, keeps or lets in is the operator's.
OWN = frozenset(
    (
        "branding",
        "double_texting",
        "faq_threshold",
        "handoff_mail_to",
        "locale",
        "office_hours",
        "return_days",
        "return_exceptions",
        "sla_minutes",
        "timezone",
    )
)


class SettingsBody(Body):
    """What changes; a null puts a setting back."""

    settings: dict[str, Any]


@router.get("", summary="The settings of one's own shop", responses=answers(SettingsOut))
async def read_settings(desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """`settings` are those that were set, `defaults` count for the others, `own` may be changed here."""
    return json_response(_shown(desk, await tenancy_as(desk, caller).get(caller.tenant.slug)))


@router.patch("", summary="Change settings of one's own shop", responses=answers(SettingsOut))
async def change_settings(body: SettingsBody, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """Those of `own` alone; those that are not named stay. It counts everywhere within ten seconds."""
    for name in sorted(body.settings.keys() - OWN):
        raise InvalidInput(f"settings.{name}: who runs the installation sets this; ask them.")
    changed = await tenancy_as(desk, caller).change(caller.tenant.slug, None, body.settings)
    return json_response(_shown(desk, changed))


def _shown(desk: Desk, stored: StoredTenant) -> dict[str, Any]:
    return {"settings": stored.settings, "defaults": defaults_of(desk), "own": sorted(OWN)}
