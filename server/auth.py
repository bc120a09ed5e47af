"""Who is calling: a bearer token, an API key or the session cookie, verified, and turned into a Principal."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, get_args
from uuid import UUID

import jwt
from starlette.requests import HTTPConnection

from desk.domain import Principal, Scope, Tenant
from desk.errors import Forbidden, Unauthenticated
from desk.storage import api_keys
from graphs.services import Services
from server.issuer import ALGORITHM, Issuer, TokenType

SESSION_COOKIE = "desk_session"
CSRF_COOKIE = "desk_csrf"
CSRF_HEADER = "x-csrf-token"
SESSION_SECONDS = 8 * 3600

_REQUIRED = ("iss", "aud", "sub", "exp", "iat", "tenant", "role")
_LEEWAY_SECONDS = 5
_LONGEST_TOKEN = 4096
_CACHED_TOKENS = 10_000
_ROLES = frozenset(get_args(Scope)) - {"worker"}
_SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))


@dataclass(frozen=True, slots=True)
class Identity:
    """What a verified token says."""

    issuer: str
    sub: str
    tenant: str
    role: Scope
    email: str | None
    jti: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and in which tenant. `api_key_id` is set when a service calls for its visitors."""

    principal: Principal
    tenant: Tenant
    api_key_id: UUID | None = None


class Verifier:
    """Verifies tokens against the JWKS of a known issuer, with pinned algorithm, audience and type."""

    def __init__(self, issuer: str, audience: str, jwks: dict[str, Any]) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = {key["kid"]: jwt.PyJWK(key, ALGORITHM) for key in jwks["keys"]}
        self._verified: OrderedDict[bytes, Identity] = OrderedDict()

    def verify(self, token: str, typ: TokenType = "at+jwt") -> Identity:
        """The token's identity; raises Unauthenticated on any doubt."""
        if len(token) > _LONGEST_TOKEN:
            raise Unauthenticated
        digest = hashlib.sha256(f"{typ} {token}".encode()).digest()
        known = self._verified.get(digest)
        if known is not None and known.expires_at > time.time():
            return known
        identity = self._verify(token, typ)
        self._verified[digest] = identity
        if len(self._verified) > _CACHED_TOKENS:
            self._verified.popitem(last=False)
        return identity

    def _verify(self, token: str, typ: TokenType) -> Identity:
        try:
            header = jwt.get_unverified_header(token)
            key = self._keys.get(str(header.get("kid")))
            if key is None or header.get("typ") != typ or "crit" in header:
                raise Unauthenticated
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=self._audience,
                issuer=self._issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": list(_REQUIRED), "strict_aud": True},
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise Unauthenticated from error
        return _identity(claims)


def _identity(claims: dict[str, Any]) -> Identity:
    role, sub, tenant = claims["role"], claims["sub"], claims["tenant"]
    if role not in _ROLES or not isinstance(sub, str) or not isinstance(tenant, str):
        raise Unauthenticated
    email = claims.get("email") if claims.get("email_verified") is True else None
    return Identity(
        issuer=claims["iss"],
        sub=sub,
        tenant=tenant,
        role=role,
        email=email if isinstance(email, str) else None,
        jti=str(claims.get("jti", "")),
        expires_at=float(claims["exp"]),
    )


class Authenticator:
    """Turns a request or a WebSocket handshake into a Caller; one way for all doors."""

    def __init__(self, services: Services, issuer: Issuer) -> None:
        self._services = services
        self.issuer = issuer
        self.verifier = Verifier(issuer.name, issuer.audience, issuer.jwks)

    async def caller(self, request: HTTPConnection) -> Caller:
        """The caller; raises Unauthenticated, or Forbidden when `X-Tenant-ID` names another tenant."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        key = request.headers.get("x-api-key")
        if scheme:
            if scheme.lower() != "bearer":
                raise Unauthenticated
            caller = await self._person(self.verifier.verify(token.strip()))
        elif key:
            caller = await self._service(key)
        else:
            caller = await self._person(self._session(request))
        _refuse_other_tenant(request, caller.tenant)
        return caller

    async def by_token(self, token: str, typ: TokenType = "at+jwt") -> Caller:
        """The person of a token that came another way than in a header; raises Unauthenticated."""
        return await self._person(self.verifier.verify(token, typ))

    def _session(self, request: HTTPConnection) -> Identity:
        cookie = request.cookies.get(SESSION_COOKIE)
        if not cookie:
            raise Unauthenticated
        identity = self.verifier.verify(cookie, "session+jwt")
        if request.scope.get("method") not in _SAFE_METHODS:
            _refuse_forged(request)
        return identity

    async def _person(self, identity: Identity) -> Caller:
        tenant = await self._services.engine.tenants.get(identity.tenant)
        subject = await self._services.engine.keys.subject(tenant.id, identity.issuer, identity.sub)
        return Caller(Principal(tenant.id, identity.role, subject, identity.email), tenant)

    async def _service(self, presented: str) -> Caller:
        async with self._services.engine.database.control_tx() as tx:
            key = await api_keys.verify(tx, presented)
        if key is None:
            raise Unauthenticated
        tenant = await self._services.engine.tenants.get(key.tenant_id)
        return Caller(Principal(tenant.id, "user"), tenant, api_key_id=key.id)


def _refuse_forged(request: HTTPConnection) -> None:
    """A write by cookie carries the CSRF token, or was sent by a page of our own (LangServe's playground)."""
    token = request.cookies.get(CSRF_COOKIE)
    if token and request.headers.get(CSRF_HEADER) == token:
        return
    own_page = request.headers.get("sec-fetch-site") == "same-origin"
    if own_page and request.scope["path"].startswith("/langserve/"):
        return
    raise Forbidden(
        f"A write with the session cookie needs the header {CSRF_HEADER} with the csrf cookie's value."
    )


def _refuse_other_tenant(request: HTTPConnection, tenant: Tenant) -> None:
    named = request.headers.get("x-tenant-id")
    if named is not None and named not in (tenant.slug, str(tenant.id)):
        raise Forbidden("X-Tenant-ID names another tenant than your token.")
