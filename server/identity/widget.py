"""Tokens for widgets: short ones for visitors, who are nobody until the shop's server says who they are."""

from __future__ import annotations

import hmac
import time
from dataclasses import asdict, dataclass
from typing import Any
from uuid import uuid4

from desk.bootstrap import Engine
from desk.domain import Tenant, TenantId
from desk.errors import Forbidden, NotFound, Unauthenticated
from desk.mail.port import is_address
from desk.storage import sites as stored
from desk.subjects.keys import KeyRing
from server.identity import claims as judged
from server.identity.claims import Rules
from server.identity.jws import parse
from server.identity.sites import Sites
from server.identity.verifier import Verifier
from server.issuer import WIDGET, Issuer

TOKEN_SECONDS = 600
VISITOR_SECONDS = 180 * 24 * 3600
LONGEST_STATEMENT_SECONDS = 600
VISITOR, PERSON = "visitor:", "person:"


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom the shop says a visitor is."""

    sub: str
    email: str | None


class Widget:
    """Gives tokens to pages whose origin a site lists."""

    def __init__(self, engine: Engine, issuer: Issuer, verifier: Verifier, sites: Sites) -> None:
        self._engine = engine
        self._issuer = issuer
        self._verifier = verifier
        self._sites = sites

    async def token(
        self, site_key: str, origin: str | None, visitor: str | None, statement: str | None
    ) -> dict[str, Any]:
        """`{token, expires_in, visitor}`. Raises Unauthenticated, or Forbidden for a page of another origin.

        A visitor's statement that does not hold means a new visitor; a shop's that does not is an error.
        """
        site = await self._sites.find(site_key)
        if site is None:
            raise Unauthenticated("There is no such site key.")
        if origin not in site.origins:
            raise Forbidden("This site key does not stand for pages of this origin.")
        tenant = await self._engine.tenants.get(site.tenant_id)
        visitor_id = self._known_visitor(tenant, visitor) or f"{VISITOR}{uuid4()}"
        claims: dict[str, Any] = {"tenant": tenant.slug, "role": "visitor"}
        kept = self._issuer.sign_claims(
            visitor_id, claims, seconds=VISITOR_SECONDS, typ="visitor+jwt", azp=WIDGET
        )
        sub = visitor_id
        if statement is not None:
            vouched = await self._vouched(tenant, statement)
            sub = f"{PERSON}{vouched.sub}"
            if vouched.email is not None:
                claims |= {"email": vouched.email, "email_verified": True}
        token = self._issuer.sign_claims(sub, claims, seconds=TOKEN_SECONDS, typ="at+jwt", azp=WIDGET)
        return {"token": token, "expires_in": TOKEN_SECONDS, "visitor": kept}

    async def branding(self, site_key: str) -> dict[str, Any]:
        """`{title, color, logo_url}` of the site's tenant; raises NotFound for an unknown site."""
        site = await self._sites.find(site_key)
        if site is None:
            raise NotFound("There is no such site key.")
        return asdict((await self._engine.tenants.get(site.tenant_id)).settings.branding)

    def _known_visitor(self, tenant: Tenant, statement: str | None) -> str | None:
        """The visitor whom an earlier answer of ours named, in this tenant."""
        if statement is None:
            return None
        try:
            identity = self._verifier.own(statement, "visitor+jwt")
        except Unauthenticated:
            return None
        ours = identity.tenant == tenant.slug and identity.sub.startswith(VISITOR)
        return identity.sub if ours else None

    async def _vouched(self, tenant: Tenant, statement: str) -> Vouched:
        """Whom the shop's statement names; raises Unauthenticated on any doubt."""
        token = parse(statement)
        if token.algorithm != "HS256" or token.typ not in (None, "JWT"):
            raise Unauthenticated
        async with self._engine.database.control_tx() as tx:
            version = await stored.secret_version(tx, tenant.id)
        numbers = [number for number in (version, version - 1) if number > 0]
        secrets = [widget_secret(self._engine.keys, tenant.id, number) for number in numbers]
        made = [hmac.digest(secret.encode(), token.signed, "sha256") for secret in secrets]
        if not any(hmac.compare_digest(mac, token.signature) for mac in made):
            raise Unauthenticated
        audience = f"deskgraph:{tenant.slug}"
        rules = Rules(None, audience, one_audience=True, longest_seconds=LONGEST_STATEMENT_SECONDS)
        judged.check(token.claims, rules, time.time())
        email = judged.text(token.claims, "email").casefold() if "email" in token.claims else None
        if email is not None and not is_address(email):
            raise Unauthenticated
        return Vouched(judged.text(token.claims, "sub"), email)


def widget_secret(keys: KeyRing, tenant_id: TenantId, version: int) -> str:
    """What a tenant's server signs with; derived from the master key, stored nowhere."""
    return "wsec_" + keys.derive(f"widget/{tenant_id}/{version}")
