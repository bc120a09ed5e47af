"""Who is calling: a bearer token, an API key or the session cookie, verified, and turned into a Principal."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from uuid import UUID

from starlette.requests import HTTPConnection

from desk.domain import Principal, Tenant
from desk.errors import Forbidden, Unauthenticated
from desk.storage.tenants import PLATFORM
from graphs.services import Services
from server.access import RIGHTS, SCOPES, Right
from server.addresses import UNKNOWN, TrustedProxies
from server.identity.api_keys import ApiKeys
from server.identity.verifier import Identity, Verifier
from server.identity.widget import VISITOR

SESSION_COOKIE = "desk_session"
CSRF_COOKIE = "desk_csrf"
CSRF_HEADER = "x-csrf-token"

_SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, in which tenant, from where. `api_key_id` is set when a service calls for its visitors."""

    principal: Principal
    tenant: Tenant
    rights: frozenset[Right]
    api_key_id: UUID | None = None
    address: str = UNKNOWN


class Authenticator:
    """Turns a request or a WebSocket handshake into a Caller; one way for all doors."""

    def __init__(self, services: Services, verifier: Verifier, api_keys: ApiKeys) -> None:
        self._services = services
        self._verifier = verifier
        self._api_keys = api_keys
        self._proxies = TrustedProxies(services.engine.settings.trusted_proxies)

    async def caller(self, request: HTTPConnection) -> Caller:
        """The caller; raises Unauthenticated, or Forbidden when `X-Tenant-ID` names another tenant."""
        said = request.headers.getlist("authorization")
        scheme, _, token = "".join(said[:1]).partition(" ")
        key = request.headers.get("x-api-key")
        if said:
            if scheme.lower() != "bearer" or len(said) > 1:
                raise Unauthenticated
            caller = await self._person(await self._verifier.verify(token.strip()))
        elif key:
            caller = await self._service(key)
        else:
            caller = await self._person(self._session(request))
        _refuse_other_tenant(request, caller.tenant)
        return replace(caller, address=self._proxies.address(request))

    def knows(self, request: HTTPConnection) -> bool:
        """Whether what the request presents held here a moment ago, so that looking at it costs nothing."""
        said = request.headers.get("authorization")
        if said is not None:
            return self._verifier.knows(said.partition(" ")[2].strip(), "at+jwt")
        key = request.headers.get("x-api-key")
        if key:
            return self._api_keys.knows(key)
        cookie = request.cookies.get(SESSION_COOKIE)
        return cookie is not None and self._verifier.knows(cookie, "session+jwt")

    async def by_token(self, token: str, connection: HTTPConnection) -> Caller:
        """The person of an access token that came another way than in a header; raises Unauthenticated."""
        caller = await self._person(await self._verifier.verify(token))
        return replace(caller, address=self._proxies.address(connection))

    async def by_session(self, cookie: str, connection: HTTPConnection) -> Caller:
        """The person of a session whose connection was checked to come from a page of ours."""
        caller = await self._person(self._verifier.own(cookie, "session+jwt"))
        return replace(caller, address=self._proxies.address(connection))

    def address(self, connection: HTTPConnection) -> str:
        """Where a request without a caller comes from."""
        return self._proxies.address(connection)

    def _session(self, request: HTTPConnection) -> Identity:
        cookie = request.cookies.get(SESSION_COOKIE)
        if not cookie:
            raise Unauthenticated
        identity = self._verifier.own(cookie, "session+jwt")
        if request.scope.get("method") not in _SAFE_METHODS:
            _refuse_forged(request)
        return identity

    async def _person(self, identity: Identity) -> Caller:
        """Raises Unauthenticated for what was signed before its person signed out everywhere."""
        tenant = await self._services.engine.tenants.get(identity.tenant)
        # Who runs the installation lives in a tenant of their own, and nobody else does.
        if (identity.role == "platform") != (tenant.slug == PLATFORM):
            raise Unauthenticated
        kind = "anonymous" if identity.role == "visitor" and identity.sub.startswith(VISITOR) else "person"
        known = await self._services.engine.keys.known(tenant.id, identity.issuer, identity.sub, kind=kind)
        if identity.issued_at < known.valid_after:
            raise Unauthenticated
        principal = Principal(tenant.id, SCOPES[identity.role], known.id, identity.email)
        return Caller(principal, tenant, RIGHTS[identity.role])

    async def _service(self, presented: str) -> Caller:
        key = await self._api_keys.verify(presented)
        tenant = await self._services.engine.tenants.get(key.tenant_id)
        rights = RIGHTS["service"] & frozenset(key.rights)
        return Caller(Principal(tenant.id, "user"), tenant, rights, api_key_id=key.id)


def _refuse_forged(request: HTTPConnection) -> None:
    """A write by cookie carries the CSRF token, or was sent by a page of our own (LangServe's playground)."""
    token = request.cookies.get(CSRF_COOKIE)
    sent = request.headers.get(CSRF_HEADER, "")
    if token and hmac.compare_digest(sent.encode(), token.encode()):
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
