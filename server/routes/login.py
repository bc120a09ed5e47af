"""Login for the pages: a link that works once, or an identity provider, becomes a session cookie."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response

from desk.errors import NotFound, Unauthenticated, Unavailable
from desk.storage import login_links
from server.auth import CSRF_COOKIE, SESSION_COOKIE
from server.deps import CurrentCaller, CurrentDesk, Desk, guarded_address, limited_address
from server.identity.oidc import LOGIN_SECONDS
from server.identity.sign_ins import SESSION_SECONDS
from server.identity.verifier import Identity
from server.openapi import answers
from server.routes.chat import json_response
from server.shapes.accounts import JwksOut, MeOut

OIDC_COOKIE = "desk_oidc"
# Whoever asks there has us ask the identity provider.
_Limited = Depends(limited_address)

router = APIRouter(tags=["login"])


@router.get("/login", include_in_schema=False)
async def login(request: Request, code: str, desk: CurrentDesk) -> Response:
    """Spend the link and open the demo page with a session; the second time it leads to the sign-in page.

    Raises Unauthenticated then for who asks for no page.
    """
    await guarded_address(request)
    issuer = desk.reception.issuer
    try:
        identity = await _spend(code, desk)
    except Unauthenticated:
        if "text/html" in request.headers.get("accept", ""):
            return RedirectResponse("/signin#spent", 303)
        raise
    tenant = await desk.services.engine.tenants.get(identity.tenant)
    known = await desk.services.engine.keys.known(tenant.id, identity.issuer, identity.sub)
    session = issuer.sign(
        tenant=identity.tenant,
        email=identity.email or identity.sub,
        role=identity.role,
        seconds=SESSION_SECONDS,
        typ="session+jwt",
        not_before=known.valid_after,
    )
    response = RedirectResponse("/demo", 303)
    set_session(response, request, session, SESSION_SECONDS)
    return response


async def _spend(code: str, desk: Desk) -> Identity:
    """Whom the link names; raises Unauthenticated for one that is forged, too old or was used."""
    identity = desk.reception.verifier.own(code, "login+jwt")
    async with desk.services.engine.database.control_tx() as tx:
        if not await login_links.use(tx, _link_id(identity.jti)):
            raise Unauthenticated("This login link was used before; `make run` prints a new one.")
    return identity


def _link_id(jti: str) -> UUID:
    """Which link it is; raises Unauthenticated for what no link of ours says."""
    try:
        return UUID(jti)
    except ValueError:
        raise Unauthenticated from None


@router.get("/login/callback", include_in_schema=False, dependencies=[_Limited])
async def callback(request: Request, desk: CurrentDesk) -> Response:
    """Back from an identity provider: a session, or the sign-in page with a word that it failed."""
    oidc, engine = desk.reception.oidc, desk.services.engine
    try:
        identity, page = await oidc.finish(request.cookies.get(OIDC_COOKIE), request.query_params)
        tenant = await engine.tenants.get(identity.tenant)
    except (Unauthenticated, NotFound):
        return _leave(RedirectResponse("/signin#refused", 303))
    except Unavailable:
        return _leave(RedirectResponse("/signin#away", 303))
    known = await engine.keys.known(tenant.id, identity.issuer, identity.sub)
    session = oidc.session(identity, seconds=SESSION_SECONDS, not_before=known.valid_after)
    response = RedirectResponse(page, 303)
    set_session(response, request, session, SESSION_SECONDS)
    return _leave(response)


@router.get("/login/{issuer_name}", include_in_schema=False, dependencies=[_Limited])
async def leave(issuer_name: str, request: Request, desk: CurrentDesk, page: str | None = None) -> Response:
    """Off to an identity provider; `page` is where the login leads, if it is one of ours."""
    try:
        begun = await desk.reception.oidc.begin(issuer_name, page)
    except Unavailable:
        return RedirectResponse("/signin#away", 303)
    response = RedirectResponse(begun.location, 303)
    # Lax, as the way back begins on the provider's page.
    response.set_cookie(
        OIDC_COOKIE,
        begun.cookie,
        LOGIN_SECONDS,
        path="/login",
        httponly=True,
        secure=is_secure(request, desk.services.engine.settings.public_address),
        samesite="lax",
    )
    return response


@router.get("/api/v1/me", summary="Who am I", responses=answers(MeOut))
async def me(caller: CurrentCaller) -> Response:
    """The caller's tenant with its branding, role and verified e-mail address."""
    principal = caller.principal
    return json_response(
        {
            "tenant": caller.tenant.slug,
            "role": "platform" if "tenants" in caller.rights else principal.scope,
            "email": principal.email,
            "branding": asdict(caller.tenant.settings.branding),
        }
    )


@router.get("/.well-known/jwks.json", summary="The built-in issuer's public keys", responses=answers(JwksOut))
async def jwks(desk: CurrentDesk) -> Response:
    """What verifies our tokens."""
    return json_response(desk.reception.issuer.jwks)


def set_session(response: Response, request: Request, session: str, seconds: int) -> None:
    """Give the browser a session, and the CSRF token that its writes must carry."""
    secure = is_secure(request, request.app.state.settings.public_address)
    response.set_cookie(SESSION_COOKIE, session, seconds, httponly=True, secure=secure, samesite="strict")
    response.set_cookie(CSRF_COOKIE, secrets.token_urlsafe(24), seconds, secure=secure, samesite="strict")


def is_secure(request: HTTPConnection, public_address: str) -> bool:
    """Whether browsers come by https, to us or to the proxy in front."""
    return request.url.scheme == "https" or public_address.startswith("https://")


def _leave(response: Response) -> Response:
    response.delete_cookie(OIDC_COOKIE, path="/login", httponly=True, samesite="lax")
    return response
