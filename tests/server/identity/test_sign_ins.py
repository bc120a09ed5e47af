"""Signing in, staying in and going out: tokens are renewed once each, and ended here or everywhere."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from desk.domain import Principal
from desk.storage import tenants
from desk.storage.pool import Database
from server.auth import CSRF_COOKIE, SESSION_COOKIE
from tests.server.identity.conftest import bearing
from tests.server.identity.people import PASSWORD, code_for, joined, login, mails_to, new_address
from tests.server.identity.trying import socket_address
from tests.server.replicas import Replica, begun, next_events, until

EVERYWHERE_SECONDS = 10.0


async def renew(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post("/api/v1/auth/refresh", json={"refresh_token": token})


async def me(client: httpx.AsyncClient, token: str) -> int:
    return (await client.get("/api/v1/me", headers=bearing(token))).status_code


async def test_a_refresh_token_is_good_once_and_then_ends_its_family(
    place: Replica, slug: str, nobody: httpx.AsyncClient, database: Database
) -> None:
    first = await joined(place, slug, address := new_address())
    other = (await login(nobody, slug, address)).json()
    second = (await renew(nobody, first["refresh_token"])).json()
    third = (await renew(nobody, second["refresh_token"])).json()
    assert await me(nobody, third["access_token"]) == 200
    stolen = await renew(nobody, first["refresh_token"])
    assert stolen.status_code == 401
    assert (await renew(nobody, third["refresh_token"])).status_code == 401, "the family has ended"
    assert (await renew(nobody, other["refresh_token"])).status_code == 200, "another login has not"
    async with database.control_tx() as tx:
        tenant = await tenants.by_slug(tx, slug)
    assert tenant is not None
    async with database.tenant_tx(Principal(tenant.id, "worker")) as tx:
        cursor = await tx.execute("select count(*) from audit where action = 'refresh_token.reused'")
        assert await cursor.fetchone() == (1,)


async def test_a_refresh_token_that_is_used_twice_at_once_gives_at_most_one(
    place: Replica, slug: str, nobody: httpx.AsyncClient
) -> None:
    first = await joined(place, slug, new_address())
    answers = await asyncio.gather(*(renew(nobody, first["refresh_token"]) for _ in range(8)))
    good = [answer.json() for answer in answers if answer.status_code == 200]
    assert len(good) == 1
    assert (await renew(nobody, good[0]["refresh_token"])).status_code == 401


async def test_odd_refresh_tokens_are_refused(place: Replica, slug: str, nobody: httpx.AsyncClient) -> None:
    good = (await joined(place, slug, new_address()))["refresh_token"]
    prefix, tenant, token_id, secret = good.split("_", 3)
    unknown = "0" * 32
    odd = {
        "no token": "x",
        "another secret": f"{prefix}_{tenant}_{token_id}_{'A' * len(secret)}",
        "no secret": f"{prefix}_{tenant}_{token_id}_",
        "cut": good[:-1],
        "another tenant": f"{prefix}_{unknown}_{token_id}_{secret}",
        "another id": f"{prefix}_{tenant}_{unknown}_{secret}",
        "another prefix": f"dk_{tenant}_{token_id}_{secret}",
        "an access token": (await joined(place, slug, new_address()))["access_token"][:200],
    }
    answers = {what: (await renew(nobody, token)).status_code for what, token in odd.items()}
    assert answers == dict.fromkeys(odd, 401)
    assert (await renew(nobody, good)).status_code == 200
    for bearer in (good, secret):
        assert await me(nobody, bearer) == 401


async def test_logout_ends_one_login(place: Replica, slug: str, nobody: httpx.AsyncClient) -> None:
    one = await joined(place, slug, address := new_address())
    other = (await login(nobody, slug, address)).json()
    for _ in range(2):  # the second time there is nothing to end, which is no error
        out = await nobody.post("/api/v1/auth/logout", json={"refresh_token": one["refresh_token"]})
        assert out.status_code == 204
    assert (await renew(nobody, one["refresh_token"])).status_code == 401
    assert (await renew(nobody, other["refresh_token"])).status_code == 200


async def test_logout_everywhere_counts_in_every_process_within_ten_seconds(
    place: Replica, twin: Replica, slug: str, nobody: httpx.AsyncClient
) -> None:
    tokens = await joined(place, slug, address := new_address())
    bystander = await joined(place, slug, new_address())
    session = await login(nobody, slug, address, session=True)
    cookie = f"{SESSION_COOKIE}={session.cookies[SESSION_COOKIE]}"
    nobody.cookies.clear()
    async with httpx.AsyncClient(base_url=twin.url, timeout=30) as there:
        assert await me(there, tokens["access_token"]) == 200
        assert (await there.get("/api/v1/me", headers={"cookie": cookie})).status_code == 200
        began = time.monotonic()
        out = await nobody.post("/api/v1/auth/logout-everywhere", headers=bearing(tokens["access_token"]))
        assert out.status_code == 204
        assert await me(nobody, tokens["access_token"]) == 401

        async def refused_there() -> bool:
            return await me(there, tokens["access_token"]) == 401

        await until(refused_there, EVERYWHERE_SECONDS)
        assert (await there.get("/api/v1/me", headers={"cookie": cookie})).status_code == 401
        assert time.monotonic() - began < EVERYWHERE_SECONDS + 2
        assert (await renew(there, tokens["refresh_token"])).status_code == 401
        assert await me(there, bystander["access_token"]) == 200
        again = (await login(there, slug, address)).json()
        assert await me(there, again["access_token"]) == 200, "who signs in anew is let in at once"
        assert await me(nobody, again["access_token"]) == 200


async def test_sockets_and_live_streams_end_with_the_sign_in(
    place: Replica, twin: Replica, slug: str, nobody: httpx.AsyncClient
) -> None:
    """Held open at another process than the one that was told."""
    tokens = await joined(place, slug, new_address())
    headers = bearing(tokens["access_token"])
    async with (
        connect(socket_address(twin), additional_headers=headers) as socket,
        httpx.AsyncClient(base_url=twin.url, headers=headers, timeout=30) as there,
        begun(there, "hello") as (turn, _),
        there.stream("GET", f"/api/v1/conversations/{turn.conversation_id}/events") as live,
    ):
        assert live.status_code == 200
        await say(socket, "before")
        assert (await heard(socket))["event"] == "accepted"
        out = await nobody.post("/api/v1/auth/logout-everywhere", headers=headers)
        assert out.status_code == 204
        began = time.monotonic()
        assert await asyncio.wait_for(next_events(live.aiter_lines()), 20) == []
        assert time.monotonic() - began < EVERYWHERE_SECONDS + 2
        await say(socket, "after")
        while (answer := await heard(socket)).get("idempotency_key") != "after":
            pass
        assert answer["data"]["status"] == 401


async def say(socket: Any, key: str) -> None:
    await socket.send(json.dumps({"type": "message", "message": "hello again", "idempotency_key": key}))


async def heard(socket: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 15))
    return found


async def test_an_account_that_is_disabled_or_changed_is_out(
    place: Replica, slug: str, nobody: httpx.AsyncClient
) -> None:
    tokens = await joined(place, slug, address := new_address())
    async with place.client("boss@desk.example", slug, "admin") as boss:
        listed = (await boss.get("/api/v1/accounts")).json()["accounts"]
        account = next(entry for entry in listed if entry["email"] == address)
        changed = await boss.put(f"/api/v1/accounts/{account['id']}", json={"role": "agent"})
        assert changed.json()["role"] == "agent"
        assert await me(nobody, tokens["access_token"]) == 401
        agent = (await login(nobody, slug, address)).json()
        inbox = await nobody.get("/api/v1/handoffs", headers=bearing(agent["access_token"]))
        assert inbox.status_code == 200
        await boss.put(f"/api/v1/accounts/{account['id']}", json={"disabled": True})
        assert await me(nobody, agent["access_token"]) == 401
        assert (await renew(nobody, agent["refresh_token"])).status_code == 401
        assert (await login(nobody, slug, address)).status_code == 401
        await boss.put(f"/api/v1/accounts/{account['id']}", json={"disabled": False})
        assert (await login(nobody, slug, address)).status_code == 200


async def test_an_admin_invites_somebody_who_chooses_a_password(
    place: Replica, slug: str, nobody: httpx.AsyncClient
) -> None:
    address = new_address()
    async with place.client("boss@desk.example", slug, "admin") as boss:
        asked = {"email": address, "role": "admin"}
        assert (await boss.post("/api/v1/accounts", json=asked)).status_code == 201
        code = await code_for(place, address)
        chosen = {"tenant": slug, "email": address, "code": code, "password": PASSWORD}
        assert (await nobody.post("/api/v1/auth/reset/confirm", json=chosen)).status_code == 204
        assert (await boss.post("/api/v1/accounts", json=asked)).status_code == 409
    tokens = (await login(nobody, slug, address)).json()
    listed = await nobody.get("/api/v1/accounts", headers=bearing(tokens["access_token"]))
    me = next(entry for entry in listed.json()["accounts"] if entry["email"] == address)
    own = await nobody.put(
        f"/api/v1/accounts/{me['id']}", json={"role": "user"}, headers=bearing(tokens["access_token"])
    )
    assert own.status_code == 409, "the last admin must not lock themselves out"


async def test_whoever_asks_for_a_reset_ends_no_invitation(
    place: Replica, slug: str, nobody: httpx.AsyncClient
) -> None:
    address = new_address()
    async with place.client("boss@desk.example", slug, "admin") as boss:
        invited = await boss.post("/api/v1/accounts", json={"email": address, "role": "agent"})
        code = await code_for(place, address)
        tenant = await place.desk.services.engine.tenants.get(slug)
        async with place.desk.services.engine.database.tenant_tx(Principal(tenant.id, "worker")) as tx:
            aged = "update account_codes set created_at = created_at - interval '2 minutes'"
            await tx.execute(aged + " where subject_id = %s", (invited.json()["id"],))
        asked = await nobody.post("/api/v1/auth/reset", json={"tenant": slug, "email": address})
        assert asked.status_code == 202
        assert len(await mails_to(place, address, at_least=2, seconds=1)) == 1
        chosen = {"tenant": slug, "email": address, "code": code, "password": PASSWORD}
        assert (await nobody.post("/api/v1/auth/reset/confirm", json=chosen)).status_code == 204


async def test_a_session_cookie_is_for_pages_and_its_writes_need_the_csrf_header(
    place: Replica, slug: str, nobody: httpx.AsyncClient
) -> None:
    await joined(place, slug, address := new_address())
    response = await login(nobody, slug, address, session=True)
    assert response.json().keys() == {"expires_in"}
    cookies = response.headers.get_list("set-cookie")
    session = next(cookie for cookie in cookies if cookie.startswith(SESSION_COOKIE))
    assert "HttpOnly" in session
    assert "samesite=strict" in session.lower()
    assert (await nobody.get("/api/v1/me")).json()["email"] == address
    body = {"message": "hi"}
    assert (await nobody.post("/api/v1/chat/", json=body)).status_code == 403
    csrf = {"x-csrf-token": nobody.cookies[CSRF_COOKIE]}
    assert (await nobody.post("/api/v1/chat/", json=body, headers=csrf)).status_code == 200
    await nobody.post("/api/v1/auth/logout", json={})
    assert SESSION_COOKIE not in nobody.cookies


@pytest.mark.parametrize("kind", ["external", "own", "session"])
async def test_anothers_tenant_stays_closed(
    kind: str, place: Replica, slug: str, nobody: httpx.AsyncClient, provider: Any
) -> None:
    """A good token of one tenant finds nothing of another, and cannot be pointed there."""
    async with place.client("ada@example.com", "bookshop") as ada, begun(ada, "hello") as (turn, _):
        theirs = f"/api/v1/conversations/{turn.conversation_id}"
    if kind == "external":
        nobody.headers.update(bearing(provider.token(tenant=slug, sub="8f2e")))
    elif kind == "own":
        nobody.headers.update(bearing((await joined(place, slug, new_address()))["access_token"]))
    else:
        await joined(place, slug, address := new_address())
        await login(nobody, slug, address, session=True)
    assert (await nobody.get("/api/v1/me")).json()["tenant"] == slug
    found = await nobody.get(theirs)
    unknown = await nobody.get("/api/v1/conversations/00000000-0000-7000-8000-000000000000")
    assert found.status_code == unknown.status_code == 404
    assert found.json()["detail"] == unknown.json()["detail"]
    pointed = await nobody.get("/api/v1/me", headers={"x-tenant-id": "bookshop"})
    assert pointed.status_code == 403
