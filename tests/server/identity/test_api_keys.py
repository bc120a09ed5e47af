"""API keys: made once, kept as hashes, with rights and an end, rotated and revoked; odd ones are refused."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from desk.domain import Principal
from desk.storage.pool import Database
from tests.server.identity.conftest import bearing
from tests.server.identity.people import said
from tests.server.replicas import Replica, new_tenant, until

FAQS, RELAY = "/api/v1/faqs", "/chat"
BODY = {"message": "hi", "session_id": "visitor 1"}


@pytest.fixture
async def shop(place: Replica) -> str:
    return await new_tenant(place)


@pytest.fixture
async def inside(place: Replica, shop: str) -> Principal:
    """Who may look at the shop's rows."""
    return Principal((await place.desk.services.engine.tenants.get(shop)).id, "worker")


@pytest.fixture
async def boss(place: Replica, shop: str) -> AsyncIterator[httpx.AsyncClient]:
    async with place.client("boss@desk.example", shop, "admin") as client:
        yield client


async def make(boss: httpx.AsyncClient, **asked: Any) -> dict[str, str]:
    asked = {"name": "shop server", "rights": ["faqs.read", "relay"], **asked}
    response = await boss.post("/api/v1/api-keys", json=asked)
    assert response.status_code == 201, response.text
    made: dict[str, str] = response.json()
    return made


async def status(client: httpx.AsyncClient, key: str, path: str = FAQS) -> int:
    headers = {"x-api-key": key}
    if path == RELAY:
        return (await client.post(path, json=BODY, headers=headers)).status_code
    return (await client.get(path, headers=headers)).status_code


async def listed(boss: httpx.AsyncClient, key_id: str) -> dict[str, Any]:
    keys = (await boss.get("/api/v1/api-keys")).json()["api_keys"]
    return next(key for key in keys if key["id"] == key_id)


async def test_a_key_does_what_its_rights_say_and_is_never_shown_again(
    boss: httpx.AsyncClient, nobody: httpx.AsyncClient, inside: Principal, database: Database
) -> None:
    both, one = await make(boss), await make(boss, rights=["faqs.read"], expires_in_days=7)
    assert await status(nobody, both["key"]) == await status(nobody, both["key"], RELAY) == 200
    assert await status(nobody, one["key"]) == 200
    assert await status(nobody, one["key"], RELAY) == 403
    for path in ("/api/v1/me", "/api/v1/api-keys", "/api/v1/handoffs", "/api/v1/chat/history"):
        assert await status(nobody, both["key"], path) == 403
    shown = await boss.get("/api/v1/api-keys")
    assert both["key"].rpartition("_")[2] not in shown.text
    entry = await listed(boss, one["id"])
    assert entry["rights"] == ["faqs.read"]
    assert datetime.fromisoformat(entry["expires_at"]) - datetime.now(UTC) > timedelta(days=6)
    async with database.tenant_tx(inside) as tx:
        cursor = await tx.execute("select k::text, secret_hash from api_keys k where id = %s", (one["id"],))
        row = await cursor.fetchone()
    assert row is not None
    secret = one["key"].split("_", 2)[2]
    assert secret not in row[0]
    assert bytes(row[1]) == hashlib.sha256(secret.encode()).digest()


@pytest.mark.parametrize("rights", [[], ["chat"], ["faqs.read", "accounts"], ["*"], "faqs.read", None])
async def test_a_key_cannot_have_more_than_a_service_may(boss: httpx.AsyncClient, rights: Any) -> None:
    response = await boss.post("/api/v1/api-keys", json={"name": "x", "rights": rights})
    assert response.status_code == 422


async def test_its_last_use_is_noted(boss: httpx.AsyncClient, nobody: httpx.AsyncClient) -> None:
    made = await make(boss)
    assert (await listed(boss, made["id"]))["last_used_at"] is None
    await status(nobody, made["key"])
    used = (await listed(boss, made["id"]))["last_used_at"]
    assert abs(datetime.now(UTC) - datetime.fromisoformat(used)) < timedelta(minutes=1)


async def test_a_rotated_key_holds_for_the_overlap_beside_the_new_one(
    boss: httpx.AsyncClient, nobody: httpx.AsyncClient
) -> None:
    old = await make(boss, rights=["faqs.read"])
    address = f"/api/v1/api-keys/{old['id']}/rotate"
    new = (await boss.post(address, json={"overlap_seconds": 3600})).json()
    assert await status(nobody, old["key"]) == await status(nobody, new["key"]) == 200
    assert (await listed(boss, new["id"]))["rights"] == ["faqs.read"]
    newest = (await boss.post(address, json={"overlap_seconds": 0})).json()
    assert await status(nobody, old["key"]) == 401
    assert await status(nobody, newest["key"]) == 200
    assert (await boss.post(address, json={})).status_code == 404, "it has ended"


async def test_a_revoked_key_is_refused_here_at_once_and_everywhere_within_ten_seconds(
    boss: httpx.AsyncClient, nobody: httpx.AsyncClient, twin: Replica
) -> None:
    made = await make(boss)
    async with httpx.AsyncClient(base_url=twin.url, timeout=30) as there:
        assert await status(nobody, made["key"]) == await status(there, made["key"]) == 200
        assert (await boss.delete(f"/api/v1/api-keys/{made['id']}")).status_code == 204
        assert (await boss.delete(f"/api/v1/api-keys/{made['id']}")).status_code == 404
        assert await status(nobody, made["key"]) == 401

        async def refused() -> bool:
            return await status(there, made["key"]) == 401

        await until(refused, 12)


async def test_an_expired_key_is_refused_also_by_who_remembers_it(
    boss: httpx.AsyncClient, nobody: httpx.AsyncClient, inside: Principal, database: Database
) -> None:
    made = await make(boss, expires_in_days=1)
    async with database.tenant_tx(inside) as tx:
        await tx.execute(
            "update api_keys set expires_at = now() + interval '1 second' where id = %s", (made["id"],)
        )
    assert await status(nobody, made["key"]) == 200

    async def refused() -> bool:
        return await status(nobody, made["key"]) == 401

    await until(refused, 5)


async def test_another_tenants_admin_finds_no_key(
    place: Replica, boss: httpx.AsyncClient, nobody: httpx.AsyncClient
) -> None:
    made = await make(boss)
    async with place.client("boss@desk.example", await new_tenant(place), "admin") as stranger:
        assert (await stranger.get("/api/v1/api-keys")).json() == {"api_keys": []}
        address = f"/api/v1/api-keys/{made['id']}"
        assert (await stranger.delete(address)).status_code == 404
        assert (await stranger.post(f"{address}/rotate", json={})).status_code == 404
    assert await status(nobody, made["key"]) == 200
    headers = {"x-api-key": made["key"], "x-tenant-id": "bookshop"}
    assert (await nobody.get(FAQS, headers=headers)).status_code == 403


def odd_keys(key: str) -> dict[str, str]:
    """Keys one step away from a good one."""
    prefix, key_id, secret = key.split("_", 2)
    return {
        "empty": "",
        "one word": "key",
        "prefix alone": "dk_",
        "no secret": f"{prefix}_{key_id}_",
        "no secret at all": f"{prefix}_{key_id}",
        "no id": f"{prefix}__{secret}",
        "secret alone": secret,
        "another id": f"{prefix}_{'0' * 32}_{secret}",
        "id in words": f"{prefix}_{'z' * 32}_{secret}",
        "another secret": f"{prefix}_{key_id}_{'A' * len(secret)}",
        "cut": key[:-1],
        "longer": f"{key}A",
        "upper case": key.upper(),
        "reversed": key[::-1],
        "twice": key + key,
        "two keys": f"{key},{key}",
        "quoted": f'"{key}"',
        "huge": key + "A" * 5000,
        "the hash": f"{prefix}_{key_id}_{hashlib.sha256(secret.encode()).hexdigest()}",
        "a wildcard": f"{prefix}_{key_id}_%",
        "sql": f"{prefix}_{key_id}_' or '1'='1",
        "with a bearer's word": f"Bearer {key}",
        "a refresh token's prefix": f"dr_{key_id}_{secret}",
    }


async def test_odd_keys_get_the_answer_of_no_key(boss: httpx.AsyncClient, nobody: httpx.AsyncClient) -> None:
    key = (await make(boss))["key"]
    none = said(await nobody.get(FAQS))
    answers = {
        what: said(await nobody.get(FAQS, headers={"x-api-key": odd})) for what, odd in odd_keys(key).items()
    }
    assert {what: answer for what, answer in answers.items() if answer != none} == {}
    for name, value in {
        "authorization": f"Bearer {key}",
        "cookie": f"desk_session={key}",
    }.items():
        assert said(await nobody.get(FAQS, headers={name: value})) == none
    assert (await nobody.get(FAQS, params={"api_key": key, "access_token": key})).status_code == 401
    assert await status(nobody, key) == 200


async def test_a_bad_token_is_not_made_good_by_a_key(
    boss: httpx.AsyncClient, nobody: httpx.AsyncClient
) -> None:
    headers = {**bearing("a.b.c"), "x-api-key": (await make(boss))["key"]}
    assert (await nobody.get(FAQS, headers=headers)).status_code == 401


async def test_every_act_is_in_the_audit(
    place: Replica, shop: str, boss: httpx.AsyncClient, database: Database
) -> None:
    made = await make(boss)
    new = (await boss.post(f"/api/v1/api-keys/{made['id']}/rotate", json={})).json()
    await boss.delete(f"/api/v1/api-keys/{new['id']}")
    tenant = await place.desk.services.engine.tenants.get(shop)
    async with database.tenant_tx(Principal(tenant.id, "worker")) as tx:
        cursor = await tx.execute(
            "select action, object from audit where action like 'api_key.%' order by id"
        )
        rows = await cursor.fetchall()
    assert rows == [
        ("api_key.created", made["id"]),
        ("api_key.rotated", made["id"]),
        ("api_key.revoked", new["id"]),
    ]
