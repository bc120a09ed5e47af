"""A certified provider from elsewhere: its people and programs come in, with what it made for us alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import jwt
import pytest

from desk.embedded import Engines
from desk.settings import TrustedIssuer
from server.auth import SESSION_COOKIE
from tests.plugins.stores import temporary_home
from tests.server.identity.conftest import bearing
from tests.server.replicas import Replica, new_tenant, replica, replica_settings
from tests.servers.certified_provider import REDIRECT_URI, SECRET, CertifiedProvider, certified_provider

pytestmark = pytest.mark.extras

ADA = {"sub": "auth0|ada:1", "email": "ada@shop.example", "roles": ["desk-agent"], "tenant": "bookshop"}


@pytest.fixture(scope="module")
async def certified() -> AsyncIterator[CertifiedProvider]:
    async with certified_provider(ADA) as found:
        yield found


@pytest.fixture(scope="module")
async def desk(migrated: Engines, certified: CertifiedProvider) -> AsyncIterator[Replica]:
    """An application that believes the provider, and its clients `console`, `phone` and `robot`."""
    issuer = TrustedIssuer(
        name="certified",
        issuer=certified.url,
        audience="deskgraph",
        authorized_parties=("console", "phone", "robot"),
        tenant_claim="tenant",
        roles_claim="roles",
        roles={"desk-agent": "agent"},
        client_id="console",
        client_secret=SECRET,
        plain_http=True,
    )
    public = REDIRECT_URI.removesuffix("/login/callback")
    with temporary_home() as home:
        changes = {"issuers": (issuer,), "demo": True, "public_url": public}
        async with replica(replica_settings(migrated, Path(home), **changes)) as found:
            yield found


@pytest.fixture
async def browser(desk: Replica) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=desk.url, timeout=30) as client:
        yield client


async def status(browser: httpx.AsyncClient, token: str) -> int:
    return (await browser.get("/api/v1/me", headers=bearing(token))).status_code


async def test_a_persons_access_token_is_theirs(
    browser: httpx.AsyncClient, certified: CertifiedProvider, desk: Replica
) -> None:
    tokens = await certified.persons_tokens()
    assert jwt.get_unverified_header(tokens["access_token"])["typ"] == "at+jwt"
    who = await browser.get("/api/v1/me", headers=bearing(tokens["access_token"]))
    told = {"tenant": "bookshop", "role": "agent", "email": "ada@shop.example"}
    assert {name: who.json()[name] for name in told} == told
    said = {"message": "hi"}
    sent = await browser.post("/api/v1/chat/", json=said, headers=bearing(tokens["access_token"]))
    path = f"/api/v1/conversations/{sent.json()['conversation_id']}/messages"
    assert (await browser.get(path, headers=bearing(tokens["access_token"]))).status_code == 200
    async with desk.client("ada@shop.example", await new_tenant(desk)) as namesake:
        assert (await namesake.get(path)).status_code == 404


async def test_a_programs_access_token_is_taken_from_known_programs_alone(
    browser: httpx.AsyncClient, certified: CertifiedProvider
) -> None:
    assert await status(browser, await certified.robots_token()) == 200
    assert await status(browser, await certified.robots_token("stranger")) == 401


async def test_what_was_made_for_others_is_refused(
    browser: httpx.AsyncClient, certified: CertifiedProvider, desk: Replica
) -> None:
    tokens = await certified.persons_tokens()
    foreign = {
        "for another API": await certified.robots_token(resource="urn:billing"),
        "an ID token": tokens["id_token"],
        "a token without its signature": tokens["access_token"].rpartition(".")[0] + ".",
        "an opaque token": "a" * 43,
    }
    assert jwt.decode(foreign["for another API"], options={"verify_signature": False})["aud"] == "urn:billing"
    async with certified_provider(ADA) as evil:
        foreign["another provider's"] = (await evil.persons_tokens())["access_token"]
        found = {what: await status(browser, token) for what, token in foreign.items()}
    assert found == dict.fromkeys(foreign, 401)
    headers = bearing(tokens["access_token"]) | {"x-tenant-id": await new_tenant(desk)}
    assert (await browser.get("/api/v1/me", headers=headers)).status_code == 403


async def test_the_sign_in_page_leads_through_it(
    browser: httpx.AsyncClient, certified: CertifiedProvider
) -> None:
    away = await browser.get("/login/certified", params={"page": "/console"})
    back = urlsplit(await certified.let_in(away.headers["location"]))
    arrived = await browser.get(f"{back.path}?{back.query}")
    assert (arrived.status_code, arrived.headers["location"]) == (303, "/console")
    assert SESSION_COOKIE in browser.cookies
    assert (await browser.get("/api/v1/me")).json()["role"] == "agent"
    again = await browser.get(f"{back.path}?{back.query}")
    assert again.headers["location"] == "/signin#refused"
