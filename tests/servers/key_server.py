"""An identity provider's front: discovery and keys over HTTP, counted, and in every mood."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.server.conftest import served
from tests.servers.sign_in_page import SignInPage

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | Ed25519PrivateKey
Mood = Literal["well", "failing", "hanging", "huge", "redirecting", "garbled", "of another", "no keys"]


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key that nobody has had yet."""
    if bits == _BITS and _READY:
        return _READY.pop()
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


# Made when this is loaded: one may take as long as a blocked event loop.
_BITS = 2048
_READY: list[rsa.RSAPrivateKey] = []
_READY.extend([rsa_key() for _ in range(12)])


def public_jwk(key: PrivateKey, kid: str, **more: Any) -> dict[str, Any]:
    """The public half as a JWK."""
    if isinstance(key, rsa.RSAPrivateKey):
        jwk: dict[str, Any] = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        jwk = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    else:
        jwk = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    jwk.pop("key_ops", None)
    return {**jwk, "kid": kid, "use": "sig", **more}


class KeyServer:
    """Publishes `jwks`; `fetches` counts how often they were asked for, well or not."""

    def __init__(self) -> None:
        self.url = ""
        self.key = rsa_key()
        self.kid = "first"
        self.jwks: list[dict[str, Any]] = [public_jwk(self.key, self.kid)]
        self.mood: Mood = "well"
        self.fetches = 0
        self.discoveries = 0
        self.sign_in = SignInPage(self.id_token)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of a good access token, as Keycloak would make it, but for the changes."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": ["deskgraph", "account"],
            "azp": "console",
            "typ": "Bearer",
            "sub": "8f2e",
            "iat": now,
            "exp": now + 3600,
            "tenant": "bookshop",
            "realm_access": {"roles": ["offline_access", "desk-user"]},
            "email": "ada@example.com",
            "email_verified": True,
        }
        return {name: value for name, value in (claims | changes).items() if value is not ...}

    def token(self, **changes: Any) -> str:
        """A good token, but for the changes."""
        headers = {"kid": self.kid, "typ": "JWT"}
        return jwt.encode(self.claims(**changes), self.key, "RS256", headers=headers)

    def id_token(self, **changes: Any) -> str:
        """What a client is told of who signed in."""
        return self.token(**{"typ": "ID", "aud": "console", **changes})

    def rotate(self, kid: str) -> None:
        """A new key in place of the old one."""
        self.key, self.kid = rsa_key(), kid
        self.jwks = [public_jwk(self.key, kid)]

    async def discovery(self, _request: Request) -> Response:
        self.discoveries += 1
        issuer = "http://evil.example" if self.mood == "of another" else self.url
        return JSONResponse(
            {
                "issuer": issuer,
                "jwks_uri": f"{self.url}/keys",
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
            }
        )

    async def keys(self, _request: Request) -> Response:
        self.fetches += 1
        match self.mood:
            case "failing":
                return Response(status_code=500)
            case "hanging":
                await asyncio.sleep(60)
            case "huge":
                return JSONResponse({"keys": self.jwks, "padding": "x" * 2_000_000})
            case "redirecting":
                return RedirectResponse(f"{self.url}/elsewhere", 302)
            case "garbled":
                return Response(b'{"keys": [', media_type="application/json")
            case "no keys":
                return JSONResponse({"keys": {"first": self.jwks}})
        return JSONResponse({"keys": self.jwks})

    async def elsewhere(self, _request: Request) -> Response:
        return JSONResponse({"keys": self.jwks})


@asynccontextmanager
async def key_server() -> AsyncIterator[KeyServer]:
    """A running one."""
    server = KeyServer()
    routes = [
        Route("/.well-known/openid-configuration", server.discovery),
        Route("/keys", server.keys),
        Route("/elsewhere", server.elsewhere),
        Route("/authorize", server.sign_in.authorize),
        Route("/token", server.sign_in.token, methods=["POST"]),
    ]
    async with served(Starlette(routes=routes)) as url:
        server.url = url
        yield server
