"""Widget tokens: short, for one site's pages, about nobody whom the shop's server did not sign for."""

from __future__ import annotations

import time
from typing import Any

import httpx
import jwt
import pytest

from desk.domain import Branding, Principal, TenantSettings
from desk.storage import sites
from desk.storage.pool import Database
from server.access import RIGHTS
from server.auth import SESSION_COOKIE
from server.identity.sites import REMEMBER_SECONDS
from server.identity.widget import TOKEN_SECONDS, widget_secret
from tests.server.identity.bad_tokens import GONE, Maker
from tests.server.identity.conftest import bearing
from tests.server.identity.people import said
from tests.server.replicas import Replica, begun, new_tenant, until

PAGE = "https://shop.example"


@pytest.fixture
async def shop(place: Replica) -> str:
    return await new_tenant(place)


@pytest.fixture
async def site(place: Replica, shop: str, database: Database) -> str:
    """A site key of the shop."""
    tenant = await place.desk.services.engine.tenants.get(shop)
    async with database.tenant_tx(Principal(tenant.id, "worker")) as tx:
        return await sites.create(tx, tenant.id, "the shop", [PAGE])


async def ask_token(
    client: httpx.AsyncClient, site: str, *, origin: str | None = PAGE, **more: Any
) -> httpx.Response:
    headers = {"origin": origin} if origin else {}
    return await client.post("/api/v1/widget/token", json={"site_key": site, **more}, headers=headers)


async def statement(place: Replica, shop: str, **changes: Any) -> str:
    """What the shop's server signs, but for the changes; `...` takes a claim out."""
    engine = place.desk.services.engine
    tenant = await engine.tenants.get(shop)
    secret = changes.pop("secret", None) or widget_secret(engine.keys, tenant.id, changes.pop("version", 1))
    headers = changes.pop("headers", None)
    now = int(time.time())
    claims = {
        "aud": f"deskgraph:{shop}",
        "sub": "customer 17",
        "iat": now,
        "exp": now + 300,
        "email": "ada@example.com",
    }
    told = {name: value for name, value in (claims | changes).items() if value is not GONE}
    return jwt.encode(told, secret, "HS256", headers=headers)


async def test_an_admin_sees_the_shops_own_sites_and_which_were_revoked(
    place: Replica, shop: str, site: str, database: Database
) -> None:
    elsewhere = await new_tenant(place)
    async with (
        place.client("boss@desk.example", shop, "admin") as boss,
        place.client("boss@desk.example", elsewhere, "admin") as other,
        place.client("agent@desk.example", shop, "agent") as agent,
    ):
        [shown] = (await boss.get("/api/v1/sites")).json()["sites"]
        assert (shown["key"], shown["name"], shown["origins"]) == (site, "the shop", [PAGE])
        assert shown["revoked_at"] is None
        tenant = await place.desk.services.engine.tenants.get(shop)
        async with database.tenant_tx(Principal(tenant.id, "worker")) as tx:
            assert await sites.revoke(tx, tenant.id, site)
        [revoked] = (await boss.get("/api/v1/sites")).json()["sites"]
        assert revoked["revoked_at"] >= revoked["created_at"]
        assert (await other.get("/api/v1/sites")).json() == {"sites": []}
        assert (await agent.get("/api/v1/sites")).status_code == 403


async def test_anybody_may_see_how_a_sites_chat_looks(
    nobody: httpx.AsyncClient, place: Replica, site: str
) -> None:
    async def branding(site_key: str) -> httpx.Response:
        return await nobody.get("/api/v1/widget/branding", params={"site_key": site_key})

    assert (await branding(site)).json() == {"title": None, "color": None, "logo_url": None}
    assert (await branding("site_unknown")).status_code == 404
    look = Branding("Ask us", "#7a1f5c", "https://shop.example/logo.png")
    other = await new_tenant(place, TenantSettings(branding=look))
    tenant = await place.desk.services.engine.tenants.get(other)
    async with place.desk.services.engine.database.tenant_tx(Principal(tenant.id, "worker")) as tx:
        their_site = await sites.create(tx, tenant.id, "theirs", [PAGE])
    answer = await branding(their_site)
    assert answer.json() == {
        "title": "Ask us",
        "color": "#7a1f5c",
        "logo_url": "https://shop.example/logo.png",
    }
    assert answer.headers["cache-control"] == "public, max-age=60"


async def test_a_page_gets_a_short_token_for_a_visitor_who_may_talk(
    place: Replica, shop: str, site: str, nobody: httpx.AsyncClient
) -> None:
    response = await ask_token(nobody, site)
    given = response.json()
    assert given.keys() == {"token", "expires_in", "visitor"}
    assert given["expires_in"] == TOKEN_SECONDS <= 600
    claims = jwt.decode(given["token"], options={"verify_signature": False})
    assert (claims["aud"], claims["azp"], claims["role"]) == (place.issuer.audience, "widget", "visitor")
    assert claims["exp"] - claims["iat"] == TOKEN_SECONDS
    nobody.headers.update(bearing(given["token"]))
    async with begun(nobody, "hello") as (turn, _):
        path = f"/api/v1/conversations/{turn.conversation_id}"
    assert (await nobody.get(path)).status_code == 200
    again = (await ask_token(nobody, site, visitor=given["visitor"])).json()
    assert (await nobody.get(path, headers=bearing(again["token"]))).status_code == 200, "the same visitor"
    other = (await ask_token(nobody, site)).json()
    assert (await nobody.get(path, headers=bearing(other["token"]))).status_code == 404, "another one"


async def test_the_token_opens_nothing_but_the_chat(
    site: str, nobody: httpx.AsyncClient, place: Replica
) -> None:
    given = (await ask_token(nobody, site)).json()
    headers = bearing(given["token"])
    assert RIGHTS["visitor"] == {"chat", "faqs.read", "own-data"}
    for path in ("/api/v1/me", "/api/v1/handoffs", "/api/v1/accounts", "/api/v1/api-keys", "/api/v1/turns"):
        assert (await nobody.get(path, headers=headers)).status_code == 403
    out = await nobody.post("/api/v1/auth/logout-everywhere", headers=headers)
    assert out.status_code == 403
    none = said(await nobody.get("/api/v1/me"))
    for name, value in {
        "the token as a session": {"cookie": f"{SESSION_COOKIE}={given['token']}"},
        "the visitor's statement": bearing(given["visitor"]),
        "the statement as a session": {"cookie": f"{SESSION_COOKIE}={given['visitor']}"},
        "the token as a key": {"x-api-key": given["token"]},
    }.items():
        assert said(await nobody.get("/api/v1/me", headers=value)) == none, name
    link = await nobody.get("/login", params={"code": given["token"]})
    assert link.status_code == 401


@pytest.mark.parametrize(
    "origin",
    [None, "null", "https://evil.example", f"{PAGE}.evil.example", f"{PAGE}:8443", "http://shop.example"],
)
async def test_a_page_elsewhere_gets_none(site: str, nobody: httpx.AsyncClient, origin: str | None) -> None:
    response = await ask_token(nobody, site, origin=origin)
    assert response.status_code == 403
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("key", ["site_unknown", "x" * 101, "site_\u00e9", " "])
async def test_an_unknown_site_gets_none(nobody: httpx.AsyncClient, key: str) -> None:
    assert (await ask_token(nobody, key)).status_code in (401, 422)


async def test_the_sites_page_may_call_from_its_origin_and_no_other_may(
    site: str, nobody: httpx.AsyncClient
) -> None:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}

    async def allowed() -> bool:  # what sites there are is remembered for a while
        response = await nobody.options("/api/v1/chat/", headers={"origin": PAGE, **asked})
        return bool(response.headers.get("access-control-allow-origin") == PAGE)

    await until(allowed, REMEMBER_SECONDS + 5)
    assert (await ask_token(nobody, site)).headers["access-control-allow-origin"] == PAGE
    evil = await nobody.options("/api/v1/chat/", headers={"origin": "https://evil.example", **asked})
    assert "access-control-allow-origin" not in evil.headers
    assert "access-control-allow-credentials" not in evil.headers


async def test_who_a_visitor_is_stands_in_the_shops_statement(
    place: Replica, shop: str, site: str, nobody: httpx.AsyncClient
) -> None:
    vouched = (await ask_token(nobody, site, identity=await statement(place, shop))).json()
    claims = jwt.decode(vouched["token"], options={"verify_signature": False})
    assert (claims["email"], claims["email_verified"], claims["role"]) == ("ada@example.com", True, "visitor")
    assert claims["sub"] == "person:customer 17"
    nobody.headers.update(bearing(vouched["token"]))
    async with begun(nobody, "hello") as (turn, _):
        path = f"/api/v1/conversations/{turn.conversation_id}"
    elsewhere = (await ask_token(nobody, site, identity=await statement(place, shop))).json()
    assert (await nobody.get(path, headers=bearing(elsewhere["token"]))).status_code == 200, "same person"
    unnamed = await statement(place, shop, email=GONE)
    claims = jwt.decode(
        (await ask_token(nobody, site, identity=unnamed)).json()["token"], options={"verify_signature": False}
    )
    assert "email" not in claims


@pytest.mark.parametrize("name", ["email", "sub", "user", "email_verified", "tenant", "role"])
async def test_a_body_says_nothing_about_who_it_is(site: str, nobody: httpx.AsyncClient, name: str) -> None:
    response = await ask_token(nobody, site, **{name: "ada@example.com"})
    assert response.status_code == 422


async def test_bad_statements_are_refused(
    place: Replica, shop: str, site: str, nobody: httpx.AsyncClient
) -> None:
    now = int(time.time())
    engine = place.desk.services.engine
    other = await engine.tenants.get(await new_tenant(place))
    secret = widget_secret(engine.keys, (await engine.tenants.get(shop)).id, 1)
    ours = Maker(place.issuer._key, "EdDSA", {"kid": place.issuer.kid, "typ": "JWT"}, dict)
    good = await statement(place, shop)
    head, body, signature = good.split(".")
    bad = {
        "no statement": "x",
        "two parts": f"{head}.{body}",
        "no signature": f"{head}.{body}.",
        "cut": good[:-2],
        "alg none": ours.made({"alg": "none"}, {"sub": "a"}, algorithm="none"),
        "another algorithm and secret": jwt.encode({"sub": "a"}, secret * 2, "HS512"),
        "our own key": ours.made(None, {"aud": f"deskgraph:{shop}", "sub": "a", "iat": now, "exp": now + 60}),
        "another secret": await statement(place, shop, secret="x" * 40),
        "another shop's secret": await statement(place, shop, secret=widget_secret(engine.keys, other.id, 1)),
        "the next secret": await statement(place, shop, version=2),
        "another shop's audience": await statement(place, shop, aud=f"deskgraph:{other.slug}"),
        "a token's audience": await statement(place, shop, aud=place.issuer.audience),
        "two audiences": await statement(place, shop, aud=[f"deskgraph:{shop}"]),
        "no audience": await statement(place, shop, aud=GONE),
        "no end": await statement(place, shop, exp=GONE),
        "no beginning": await statement(place, shop, iat=GONE),
        "ended": await statement(place, shop, iat=now - 400, exp=now - 60),
        "too long": await statement(place, shop, exp=now + 3600),
        "of tomorrow": await statement(place, shop, iat=now + 86400, exp=now + 86500),
        "not yet": await statement(place, shop, nbf=now + 3600),
        "nobody": await statement(place, shop, sub=GONE),
        "an empty name": await statement(place, shop, sub=""),
        "no address": await statement(place, shop, email="ada"),
        "two addresses": await statement(place, shop, email="a@x.org,b@x.org"),
        "a list": await statement(place, shop, email=["a@x.org"]),
        "crit": await statement(place, shop, headers={"crit": ["exp"]}),
        "another type": await statement(place, shop, headers={"typ": "at+jwt"}),
        "claims rewritten": f"{head}.{body[:-2]}.{signature}",
    }
    answers = {what: (await ask_token(nobody, site, identity=odd)).status_code for what, odd in bad.items()}
    assert answers == dict.fromkeys(bad, 401)
    assert (await ask_token(nobody, site, identity=good)).status_code == 200


async def test_a_secret_is_replaced_with_an_overlap(
    place: Replica, shop: str, site: str, nobody: httpx.AsyncClient, database: Database
) -> None:
    tenant = await place.desk.services.engine.tenants.get(shop)

    async def works(version: int) -> bool:
        signed = await statement(place, shop, version=version)
        return (await ask_token(nobody, site, identity=signed)).status_code == 200

    for current in (2, 3):
        async with database.control_tx() as tx:
            assert await sites.replace_secret(tx, tenant.id) == current
        assert [await works(version) for version in (current, current - 1)] == [True, True]
    assert not await works(1)


async def test_a_visitor_of_another_tenant_or_a_forged_one_is_a_new_visitor(
    place: Replica, site: str, nobody: httpx.AsyncClient, database: Database
) -> None:
    other = await place.desk.services.engine.tenants.get(await new_tenant(place))
    async with database.tenant_tx(Principal(other.id, "worker")) as tx:
        elsewhere = await sites.create(tx, other.id, "another", [PAGE])
    theirs = (await ask_token(nobody, elsewhere)).json()
    for forged in (theirs["visitor"], theirs["token"], theirs["visitor"][:-3] + "AAA", "x", ""):
        given = (await ask_token(nobody, site, visitor=forged)).json()
        claims = jwt.decode(given["token"], options={"verify_signature": False})
        assert claims["sub"] not in theirs["visitor"]
        assert claims["sub"] != jwt.decode(theirs["token"], options={"verify_signature": False})["sub"]


async def test_a_revoked_site_gives_no_tokens(
    place: Replica, shop: str, site: str, nobody: httpx.AsyncClient, database: Database
) -> None:
    assert (await ask_token(nobody, site)).status_code == 200
    tenant = await place.desk.services.engine.tenants.get(shop)
    async with database.tenant_tx(Principal(tenant.id, "worker")) as tx:
        assert await sites.revoke(tx, tenant.id, site)

    async def refused() -> bool:
        return (await ask_token(nobody, site)).status_code == 401

    await until(refused, REMEMBER_SECONDS + 2)
