"""Widget: a page asks for its visitor's token with the key of its site."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from starlette.responses import Response

from server.deps import CurrentDesk, limited_address
from server.openapi import answers
from server.routes.chat import json_response
from server.schemas import Body, Name
from server.shapes.tenants import BrandingOut, WidgetTokenOut

router = APIRouter(prefix="/api/v1/widget", tags=["widget"])

# A new look may take this long to be seen; until then no page view asks for it again.
_BRANDING_SECONDS = 60


class WidgetTokenBody(Body):
    """The site's key; `visitor` as an earlier answer gave it; `identity` as the shop's server signed it.

    Who the visitor is stands in those statements and nowhere else.
    """

    site_key: Name
    visitor: str | None = Field(None, max_length=4096, repr=False)
    identity: str | None = Field(None, max_length=4096, repr=False)


@router.get(
    "/branding",
    summary="How a site's chat looks",
    responses=answers(BrandingOut),
    dependencies=[Depends(limited_address)],
)
async def branding(site_key: Annotated[str, Query(max_length=200)], desk: CurrentDesk) -> Response:
    """`{title, color, logo_url}` of the site's tenant, each perhaps null; what its page shows anyway."""
    response = json_response(await desk.reception.widget.branding(site_key))
    response.headers["Cache-Control"] = f"public, max-age={_BRANDING_SECONDS}"
    return response


@router.post(
    "/token",
    summary="A short-lived token for a page's visitor",
    responses=answers(WidgetTokenOut),
    dependencies=[Depends(limited_address)],
)
async def token(body: WidgetTokenBody, request: Request, desk: CurrentDesk) -> Response:
    """`{token, expires_in, visitor}`; the page's origin must be one of the site's."""
    origin = request.headers.get("origin")
    return json_response(
        await desk.reception.widget.token(body.site_key, origin, body.visitor, body.identity)
    )
