"""Identity: tokens that hold and tokens that do not, the login link, the session cookie, API keys."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from desk.domain import Principal
from desk.settings import Settings
from desk.storage import api_keys, tenants
from desk.storage.pool import Database
from server.issuer import Issuer
from tests.server.conftest import bearer


def forged(issuer: Issuer, key: Any = None, algorithm: str = "EdDSA", **changes: Any) -> str:
    """A token as ours would be, but for the changes; signed with another key."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": issuer.name,
        "aud": issuer.audience,
        "sub": "ada@example.com",
        "tenant": "bookshop",
        "role": "user",
        "email": "ada@example.com",
        "email_verified": True,
        "iat": now,
        "exp": now + 600,
    }
    headers = {"kid": issuer.kid, "typ": "at+jwt"} | changes.pop("headers", {})
    return jwt.encode(claims | changes, key or Ed25519PrivateKey.generate(), algorithm, headers=headers)


def tampered(token: str, **claims: Any) -> str:
    head, body, signature = token.split(".")
    decoded = json.loads(base64.urlsafe_b64decode(body + "=="))
    changed = base64.urlsafe_b64encode(json.dumps(decoded | claims).encode()).rstrip(b"=").decode()
    return f"{head}.{changed}.{signature}"


def bad_tokens(issuer: Issuer) -> dict[str, str]:
    good = bearer(issuer, "ada@example.com")["authorization"].removeprefix("Bearer ")
    session = issuer.sign(
        tenant="bookshop", email="ada@example.com", role="user", seconds=60, typ="session+jwt"
    )
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"at+jwt"}').rstrip(b"=").decode()
    return {
        "nonsense": "abc",
        "dots": "..",
        "huge": "a" * 5000,
        "another key": forged(issuer),
        "alg none": f"{none}.{good.split('.')[1]}.",
        "HMAC with the public key": forged(issuer, issuer.jwks["keys"][0]["x"] * 2, "HS256"),
        "unknown kid": forged(issuer, headers={"kid": "other"}),
        "tampered role": tampered(good, role="admin"),
        "tampered tenant": tampered(good, tenant="another"),
        "tampered expiry": tampered(good, exp=int(time.time()) + 10**6),
        "cut signature": good[:-4],
        "a session cookie as a bearer": session,
        "two tokens": f"{good} {good}",
    }


async def test_no_bad_token_is_accepted(anyone: httpx.AsyncClient, issuer: Issuer) -> None:
    for name, token in bad_tokens(issuer).items():
        response = await anyone.get("/api/v1/me", headers={"authorization": f"Bearer {token}"})
        assert response.status_code == 401, name


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "another"},
        {"audience": "another"},
    ],
)
async def test_another_issuer_or_audience_with_our_key_is_refused(
    anyone: httpx.AsyncClient, issuer: Issuer, changes: dict[str, str]
) -> None:
    other = Issuer(changes.get("issuer", issuer.name), changes.get("audience", issuer.audience), issuer._key)
    response = await anyone.get("/api/v1/me", headers=bearer(other, "ada@example.com"))
    assert response.status_code == 401


async def test_a_worker_is_no_role_of_a_token(anyone: httpx.AsyncClient, issuer: Issuer) -> None:
    response = await anyone.get("/api/v1/me", headers=bearer(issuer, "ada@example.com", role="worker"))
    assert response.status_code == 401


async def test_an_unknown_tenant_is_refused(anyone: httpx.AsyncClient, issuer: Issuer) -> None:
    response = await anyone.get("/api/v1/me", headers=bearer(issuer, "ada@example.com", tenant="nobody"))
    assert response.status_code == 401


async def test_the_published_key_verifies_our_tokens(anyone: httpx.AsyncClient, issuer: Issuer) -> None:
    jwks = (await anyone.get("/.well-known/jwks.json")).json()
    assert jwks == issuer.jwks
    assert "d" not in jwks["keys"][0]
    token = bearer(issuer, "ada@example.com")["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, jwt.PyJWK(jwks["keys"][0]), algorithms=["EdDSA"], audience=issuer.audience)
    assert claims["tenant"] == "bookshop"


async def test_a_login_link_opens_a_session_once(base_url: str, issuer: Issuer) -> None:
    code = issuer.sign(tenant="bookshop", email="ada@example.com", role="admin", seconds=60, typ="login+jwt")
    async with httpx.AsyncClient(base_url=base_url) as browser:
        first = await browser.get("/login", params={"code": code})
        assert first.status_code == 303
        assert "HttpOnly" in first.headers["set-cookie"]
        assert "samesite=strict" in first.headers["set-cookie"].lower()
        assert (await browser.get("/api/v1/me")).json()["email"] == "ada@example.com"
        assert (await browser.get("/playground/graph.json")).status_code == 200
    async with httpx.AsyncClient(base_url=base_url) as thief:
        assert (await thief.get("/login", params={"code": code})).status_code == 401
        page = {"accept": "text/html,application/xhtml+xml"}
        for spent in (code, "no code at all"):
            sent = await thief.get("/login", params={"code": spent}, headers=page)
            assert (sent.status_code, sent.headers["location"]) == (303, "/signin#spent")
            assert "set-cookie" not in sent.headers


async def test_a_write_by_cookie_needs_the_csrf_header(base_url: str, issuer: Issuer) -> None:
    code = issuer.sign(tenant="bookshop", email="ada@example.com", role="user", seconds=60, typ="login+jwt")
    async with httpx.AsyncClient(base_url=base_url) as browser:
        await browser.get("/login", params={"code": code})
        without = await browser.post("/api/v1/chat/", json={"message": "hi"})
        assert without.status_code == 403
        headers = {"x-csrf-token": browser.cookies["desk_csrf"]}
        assert (
            await browser.post("/api/v1/chat/", json={"message": "hi"}, headers=headers)
        ).status_code == 200


async def test_the_graph_is_drawn_for_admins_only(ada: httpx.AsyncClient) -> None:
    assert (await ada.get("/playground/graph.json")).status_code == 403


async def test_the_small_form_takes_an_api_key(anyone: httpx.AsyncClient, database: Database) -> None:
    async with database.control_tx() as tx:
        shop = await tenants.by_slug(tx, "bookshop")
    assert shop is not None
    async with database.tenant_tx(Principal(shop.id, "worker")) as tx:
        key = await api_keys.create(tx, shop.id, "test")
    headers = {"x-api-key": key}
    body = {"message": "How long does shipping take?", "session_id": "visitor 1"}
    first = await anyone.post("/chat", json=body, headers=headers)
    assert first.json().keys() == {"response", "session_id"}
    assert "5-7 business days" in first.json()["response"]
    second = await anyone.post("/chat", json=body | {"message": "let me talk to a person"}, headers=headers)
    assert second.status_code == 200
    third = await anyone.post("/chat", json=body | {"message": "hello?"}, headers=headers)
    assert "asked already" in third.json()["response"]
    assert (await anyone.post("/chat", json=body, headers={"x-api-key": key + "x"})).status_code == 401
    assert (
        await anyone.post("/chat", json=body | {"session_id": "a\nb"}, headers=headers)
    ).status_code == 422
    # A service's key is not a person: it may not read what people wrote.
    assert (await anyone.get("/api/v1/chat/history", headers=headers)).status_code == 403


async def test_secrets_do_not_show(settings: Settings) -> None:
    assert settings.shop_api_key is not None
    assert settings.shop_api_key.get_secret_value() not in repr(settings)
