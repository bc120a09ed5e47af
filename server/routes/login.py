"""Login for the pages: a link that works once becomes a session cookie."""

from __future__ import annotations

import secrets
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from desk.errors import Unauthenticated
from desk.storage import login_links
from server.auth import CSRF_COOKIE, SESSION_COOKIE, SESSION_SECONDS
from server.deps import CurrentCaller, CurrentDesk
from server.routes.chat import json_response

router = APIRouter(tags=["login"])


@router.get("/login", include_in_schema=False)
async def login(request: Request, code: str, desk: CurrentDesk) -> Response:
    """Spend the link and open the demo page with a session; raises Unauthenticated the second time."""
    issuer = desk.authenticator.issuer
    identity = desk.authenticator.verifier.verify(code, "login+jwt")
    async with desk.services.engine.database.control_tx() as tx:
        if not await login_links.use(tx, UUID(identity.jti)):
            raise Unauthenticated("This login link was used before; `make run` prints a new one.")
    session = issuer.sign(
        tenant=identity.tenant,
        email=identity.email or identity.sub,
        role=identity.role,
        seconds=SESSION_SECONDS,
        typ="session+jwt",
    )
    response = RedirectResponse("/demo", 303)
    secure = request.url.scheme == "https"
    response.set_cookie(
        SESSION_COOKIE, session, SESSION_SECONDS, httponly=True, secure=secure, samesite="strict"
    )
    response.set_cookie(
        CSRF_COOKIE, secrets.token_urlsafe(24), SESSION_SECONDS, secure=secure, samesite="strict"
    )
    return response


@router.get("/api/v1/me", summary="Who am I")
async def me(caller: CurrentCaller) -> Response:
    """The caller's tenant, role and verified e-mail address."""
    principal = caller.principal
    return json_response({"tenant": caller.tenant.slug, "role": principal.scope, "email": principal.email})


@router.get("/.well-known/jwks.json", summary="The built-in issuer's public keys")
async def jwks(desk: CurrentDesk) -> Response:
    """What verifies our tokens."""
    return json_response(desk.authenticator.issuer.jwks)
