"""Signing in at an identity provider: a session for who comes back with what was sent, and no other."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit, urlunsplit

import httpx
import jwt
import pytest
from starlette.responses import JSONResponse, Response

from server.auth import SESSION_COOKIE
from server.routes.login import OIDC_COOKIE
from tests.server.identity.bad_tokens import maker_of
from tests.server.identity.conftest import bearing
from tests.server.replicas import Replica
from tests.servers.key_server import KeyServer

CSRF = "desk_csrf"


@pytest.fixture
async def browser(place: Replica, provider: KeyServer) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that nobody is signed in with; the provider says the usual afterwards."""
    async with httpx.AsyncClient(base_url=place.url, timeout=30) as client:
        yield client
    provider.sign_in.told, provider.sign_in.answer = {}, None


async def leave(browser: httpx.AsyncClient, page: str = "/console") -> str:
    """Where the way back from the provider leads, on this application."""
    away = await browser.get("/login/keycloak", params={"page": page})
    assert away.status_code == 303, away.text
    async with httpx.AsyncClient() as there:
        back = await there.get(away.headers["location"])
    assert back.status_code == 302, back.text
    address = urlsplit(back.headers["location"])
    return f"{address.path}?{address.query}"


def changed(address: str, **changes: str | None) -> str:
    parts = urlsplit(address)
    query = dict(parse_qsl(parts.query)) | changes
    kept = {name: value for name, value in query.items() if value is not None}
    return urlunsplit(parts._replace(query=urlencode(kept)))


async def refused(browser: httpx.AsyncClient, address: str) -> bool:
    response = await browser.get(address)
    assert response.status_code == 303
    return response.headers["location"] == "/signin#refused" and SESSION_COOKIE not in browser.cookies


async def test_somebody_signs_in_and_writes(browser: httpx.AsyncClient) -> None:
    response = await browser.get(await leave(browser))
    assert (response.status_code, response.headers["location"]) == (303, "/console")
    assert OIDC_COOKIE not in browser.cookies
    who = (await browser.get("/api/v1/me")).json()
    assert who.items() >= {"tenant": "bookshop", "role": "user", "email": "ada@example.com"}.items()
    headers = {"x-csrf-token": browser.cookies[CSRF]}
    sent = await browser.post("/api/v1/chat/", json={"message": "hi"}, headers=headers)
    assert sent.status_code == 200


async def test_the_person_is_the_one_of_the_providers_tokens(
    browser: httpx.AsyncClient, provider: KeyServer, nobody: httpx.AsyncClient, place: Replica
) -> None:
    """The same by session and by access token; a namesake of the built-in issuer is somebody else."""
    provider.sign_in.told = {"sub": "ada-of-the-company"}
    await browser.get(await leave(browser))
    headers = {"x-csrf-token": browser.cookies[CSRF]}
    sent = (await browser.post("/api/v1/chat/", json={"message": "hi"}, headers=headers)).json()
    path = f"/api/v1/conversations/{sent['conversation_id']}"
    own = await nobody.get(path, headers=bearing(provider.token(sub="ada-of-the-company")))
    assert own.status_code == 200
    async with place.client("ada@example.com", "bookshop") as namesake:
        assert (await namesake.get(path)).status_code == 404
    out = await nobody.post(
        "/api/v1/auth/logout-everywhere", headers=bearing(provider.token(sub="ada-of-the-company"))
    )
    assert out.status_code == 204
    assert (await browser.get("/api/v1/me")).status_code == 401


async def test_what_is_sent_away_can_be_used_by_nobody_else(
    browser: httpx.AsyncClient, provider: KeyServer
) -> None:
    away = await browser.get("/login/keycloak")
    asked = parse_qs(urlsplit(away.headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["response_type"] == ["code"]
    assert "client_secret" not in asked
    cookie = next(item for item in away.headers.get_list("set-cookie") if item.startswith(OIDC_COOKIE))
    assert "HttpOnly" in cookie
    assert "path=/login" in cookie.lower()
    proof = jwt.decode(browser.cookies[OIDC_COOKIE], options={"verify_signature": False})["proof"]
    assert proof not in away.headers["location"]
    others = [(await browser.get("/login/keycloak")).headers["location"] for _ in range(3)]
    states = {parse_qs(urlsplit(address).query)["state"][0] for address in others}
    assert len(states) == 3


async def test_a_way_back_that_was_not_begun_here_is_refused(
    browser: httpx.AsyncClient, place: Replica, provider: KeyServer
) -> None:
    address = await leave(browser)
    async with httpx.AsyncClient(base_url=place.url) as stranger:  # login CSRF
        assert await refused(stranger, address)
        await stranger.get("/login/keycloak")
        assert await refused(stranger, address)
    exchanged = provider.sign_in.exchanged
    for changes in (
        {"state": None},
        {"state": ""},
        {"state": "x" * 43},
        {"code": None},
        {"iss": "http://evil.example"},
        {"code": None, "error": "access_denied"},
    ):
        address = await leave(browser)
        assert await refused(browser, changed(address, **changes)), changes
    assert provider.sign_in.exchanged == exchanged, "nobody asked the provider for any of them"
    assert await refused(browser, "/login/callback")
    address = await leave(browser)
    assert await refused(browser, changed(address, code="x"))
    address = await leave(browser)
    assert (await browser.get(changed(address, iss=provider.url))).headers["location"] == "/console"


async def test_a_code_and_its_cookie_are_good_once(browser: httpx.AsyncClient) -> None:
    address = await leave(browser)
    kept = browser.cookies[OIDC_COOKIE]
    assert (await browser.get(address)).headers["location"] == "/console"
    browser.cookies.clear()
    assert await refused(browser, address)
    browser.cookies.set(OIDC_COOKIE, kept, path="/login")
    assert await refused(browser, address), "the provider takes a code once"


async def test_a_login_leads_to_pages_of_ours_alone(browser: httpx.AsyncClient) -> None:
    for page in ("https://evil.example", "//evil.example", "/api/v1/me", "", "/console/../login"):
        response = await browser.get(await leave(browser, page))
        assert response.headers["location"] == "/demo"
        browser.cookies.clear()


def bad_answers(provider: KeyServer) -> dict[str, dict[str, Any]]:
    """ID tokens one step away from a good one."""
    now = int(time.time())
    return {
        "another nonce": {"nonce": "x" * 43},
        "no nonce": {"nonce": ...},
        "another client": {"aud": "widget"},
        "made for another client": {"azp": "widget"},
        "two clients": {"aud": ["console", "widget"], "azp": ...},
        "an access token": {"typ": "Bearer"},
        "another issuer": {"iss": "http://evil.example"},
        "ended": {"iat": now - 600, "exp": now - 60},
        "of tomorrow": {"iat": now + 86400, "exp": now + 90000},
        "no role": {"realm_access": {"roles": ["offline_access"]}},
        "no tenant": {"tenant": ...},
        "an unknown tenant": {"tenant": "no-such-shop"},
        "the reserved tenant": {"tenant": "platform"},
        "nobody": {"sub": ...},
        "an odd address": {"email": "a\0b@x.org"},
    }


async def test_an_id_token_that_is_not_for_this_login_lets_nobody_in(
    browser: httpx.AsyncClient, provider: KeyServer
) -> None:
    entered = []
    for what, told in bad_answers(provider).items():
        provider.sign_in.told = told
        if not await refused(browser, await leave(browser)):
            entered.append(what)
        browser.cookies.clear()
    assert entered == []
    maker = maker_of(provider)
    spoiled = {
        "alg none": lambda token: maker.made({"alg": "none"}, _claims(token), algorithm="none"),
        "a stranger's key": lambda token: maker.made(None, _claims(token), key=maker.stranger),
        "cut": lambda token: token[:-5],
        "no text": lambda _token: 17,
        "nothing": lambda _token: None,
    }
    provider.sign_in.told = {}
    for what, spoil in spoiled.items():
        provider.sign_in.answer = lambda token, spoil=spoil: JSONResponse({"id_token": spoil(token)})
        if not await refused(browser, await leave(browser)):
            entered.append(what)
    assert entered == []


def _claims(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: Response(b"x" * 2_000_000),
        lambda _: Response(b"{"),
        lambda _: Response(b"[]"),
    ],
)
async def test_a_provider_that_answers_nonsense_is_away(
    browser: httpx.AsyncClient, provider: KeyServer, answer: Any
) -> None:
    provider.sign_in.answer = answer
    response = await browser.get(await leave(browser))
    assert response.headers["location"] == "/signin#away"
    assert SESSION_COOKIE not in browser.cookies


async def test_an_id_token_is_no_access_token(nobody: httpx.AsyncClient, provider: KeyServer) -> None:
    for token in (provider.id_token(), provider.id_token(aud="deskgraph"), provider.token(at_hash="x" * 22)):
        assert (await nobody.get("/api/v1/me", headers=bearing(token))).status_code == 401


async def test_only_providers_with_a_client_are_offered(nobody: httpx.AsyncClient) -> None:
    offered = (await nobody.get("/api/v1/auth/issuers")).json()
    assert offered == {"issuers": [{"name": "keycloak", "label": "The company"}]}
    for name in ("other", "unknown", "callback/x"):
        assert (await nobody.get(f"/login/{name}")).status_code == 404
