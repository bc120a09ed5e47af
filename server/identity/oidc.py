"""Signing in at an identity provider: the authorization code flow with PKCE, state and nonce."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlencode

import httpx

from desk.errors import DeskError, NotFound, Unauthenticated, Unavailable
from desk.settings import TrustedIssuer
from server.identity.claims import text
from server.identity.jwks import bounded_json, discover, endpoint
from server.identity.jws import parse
from server.identity.verifier import ExternalTokens, Identity, Verifier
from server.issuer import Issuer

LOGIN_SECONDS = 600
# Where a login may lead to; whatever else is asked for leads to the first.
PAGES = ("/demo", "/console", "/playground", "/review", "/admin")
_DOCUMENT_SECONDS = 3600.0
_AWAY = "The identity provider does not answer; try again shortly."


@dataclass(frozen=True, slots=True)
class Begun:
    """A login that was sent to the provider: where the browser goes, and what it keeps meanwhile."""

    location: str
    cookie: str


class OidcLogin:
    """Sends browsers to the providers of `DESK_ISSUERS` that have a `client_id`, and takes them back."""

    def __init__(self, issuer: Issuer, verifier: Verifier, client: httpx.AsyncClient, address: str) -> None:
        self._issuer = issuer
        self._verifier = verifier
        self._client = client
        self._redirect_uri = f"{address}/login/callback"
        self._documents: dict[str, tuple[float, Mapping[str, Any]]] = {}

    def offered(self) -> list[dict[str, str]]:
        """The providers that people can choose, by name and label."""
        trusted = [tokens.trusted for tokens in self._verifier.external.values()]
        return [{"name": one.name, "label": one.label or one.name} for one in trusted if one.client_id]

    async def begin(self, name: str, page: str | None) -> Begun:
        """Send the browser away; raises NotFound for a provider that is not offered, or Unavailable."""
        trusted = self._offered(name).trusted
        state, nonce, proof = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(proof.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": trusted.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": "openid email",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        authorize = await self._endpoint(trusted, "authorization_endpoint")
        kept = {"state": state, "nonce": nonce, "proof": proof, "page": page}
        cookie = self._issuer.sign_claims(name, kept, seconds=LOGIN_SECONDS, typ="oidc+jwt")
        joint = "&" if "?" in authorize else "?"
        return Begun(f"{authorize}{joint}{urlencode(asked)}", cookie)

    async def finish(self, cookie: str | None, answer: Mapping[str, str]) -> tuple[Identity, str]:
        """Who came back, and the page to go on to; raises Unauthenticated or Unavailable."""
        kept = self._verifier.own_claims(cookie or "", "oidc+jwt")
        if not secrets.compare_digest(answer.get("state", "").encode(), text(kept, "state").encode()):
            raise Unauthenticated
        tokens = self._offered(text(kept, "sub"))
        if "code" not in answer or answer.get("iss", tokens.trusted.issuer) != tokens.trusted.issuer:
            raise Unauthenticated
        id_token = await self._exchange(tokens.trusted, answer["code"], text(kept, "proof"))
        identity = await tokens.signed_in(parse(id_token), text(kept, "nonce"))
        page = kept.get("page")
        return identity, page if page in PAGES else PAGES[0]

    def session(self, identity: Identity, *, seconds: int, not_before: float) -> str:
        """A session of ours for somebody whom the provider knows."""
        claims: dict[str, Any] = {"tenant": identity.tenant, "role": identity.role, "idp": identity.issuer}
        if identity.email is not None:
            claims |= {"email": identity.email, "email_verified": True}
        return self._issuer.sign_claims(
            identity.sub, claims, seconds=seconds, typ="session+jwt", not_before=not_before
        )

    def _offered(self, name: str) -> ExternalTokens:
        found = self._verifier.external.get(name)
        if found is None or found.trusted.client_id is None:
            raise NotFound
        return found

    async def _exchange(self, trusted: TrustedIssuer, code: str, proof: str) -> str:
        """The ID token for a code; raises Unauthenticated when the provider does not take it."""
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "client_id": trusted.client_id,
            "code_verifier": proof,
        }
        auth = httpx.Auth()
        if trusted.client_secret is not None:
            secret = quote_plus(trusted.client_secret.get_secret_value())
            auth = httpx.BasicAuth(quote_plus(trusted.client_id or ""), secret)
            del asked["client_id"]
        address = await self._endpoint(trusted, "token_endpoint")
        try:
            async with self._client.stream("POST", address, data=asked, auth=auth) as got:
                if got.status_code != 200:
                    raise Unauthenticated
                body = await bounded_json(got)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise Unavailable(_AWAY) from error
        id_token = body.get("id_token")
        if not isinstance(id_token, str):
            raise Unauthenticated
        return id_token

    async def _endpoint(self, trusted: TrustedIssuer, name: str) -> str:
        known = self._documents.get(trusted.name)
        if known is None or known[0] <= time.monotonic():
            try:
                document = await discover(self._client, trusted)
            except (httpx.HTTPError, httpx.InvalidURL, DeskError, ValueError) as error:
                raise Unavailable(_AWAY) from error
            known = self._documents[trusted.name] = time.monotonic() + _DOCUMENT_SECONDS, document
        try:
            return endpoint(known[1], name, trusted)
        except ValueError as error:
            raise Unavailable(_AWAY) from error
