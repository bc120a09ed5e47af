"""An act and its audit row are one transaction: where the row cannot be written, nothing was done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import httpx
import psycopg
import pytest

from desk.storage import tenants
from tests.security.ground import Ground
from tests.security.owners import client
from tests.server.handoff_wire import act, ask_for_person, waiting
from tests.server.wire import ask


@asynccontextmanager
async def without_an_audit(owner_url: str, action: str) -> AsyncIterator[None]:
    """Rows of one action cannot be written, for the life of the context."""
    name = f"refuse_{uuid4().hex[:8]}"
    async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as conn:
        await conn.execute(
            f"create function shared.{name}() returns trigger language plpgsql as"
            " $$ begin raise exception 'no row'; end $$"
        )
        await conn.execute(
            f"create trigger {name} before insert on shared.audit for each row"
            f" when (new.action = '{action}') execute function shared.{name}()"
        )
        try:
            yield
        finally:
            await conn.execute(f"drop function shared.{name}() cascade")


@pytest.fixture
async def slug(ground: Ground) -> str:
    """A tenant of its own for each test."""
    async with ground.desk.services.engine.database.control_tx() as tx:
        return (await tenants.create(tx, f"audited-{uuid4().hex[:12]}", "A shop")).slug


@pytest.fixture
async def ada(ground: Ground, slug: str) -> AsyncIterator[httpx.AsyncClient]:
    async with client(ground, slug, "ada@example.com") as found:
        yield found


@pytest.fixture
async def anne(ground: Ground, slug: str) -> AsyncIterator[httpx.AsyncClient]:
    async with client(ground, slug, "anne@desk.example", "agent") as found:
        yield found


@pytest.fixture
async def boss(ground: Ground, slug: str) -> AsyncIterator[httpx.AsyncClient]:
    async with client(ground, slug, "boss@desk.example", "admin") as found:
        yield found


async def test_a_conversation_is_not_deleted(ada: httpx.AsyncClient, owner_url: str) -> None:
    conversation = (await ask(ada, "hi"))["conversation_id"]
    path = f"/api/v1/conversations/{conversation}"
    async with without_an_audit(owner_url, "conversation.delete"):
        assert (await ada.delete(path)).status_code == 500
    assert (await ada.get(path)).status_code == 200
    assert (await ada.delete(path)).status_code == 204


async def test_a_handoff_is_not_claimed(
    ada: httpx.AsyncClient, anne: httpx.AsyncClient, owner_url: str
) -> None:
    entry = await waiting(anne, await ask_for_person(ada))
    async with without_an_audit(owner_url, "handoff.claim"):
        assert (await act(anne, entry["id"], "claim")).status_code == 500
    assert (await waiting(anne, entry["conversation_id"]))["state"] == "queued"


async def test_no_key_is_made_and_none_revoked(boss: httpx.AsyncClient, owner_url: str) -> None:
    body = {"name": uuid4().hex, "rights": ["relay"]}
    async with without_an_audit(owner_url, "api_key.created"):
        assert (await boss.post("/api/v1/api-keys", json=body)).status_code == 500
    listed = (await boss.get("/api/v1/api-keys")).json()["api_keys"]
    assert body["name"] not in [key["name"] for key in listed]
    made = (await boss.post("/api/v1/api-keys", json=body)).json()
    async with without_an_audit(owner_url, "api_key.revoked"):
        assert (await boss.delete(f"/api/v1/api-keys/{made['id']}")).status_code == 500
    [found] = [
        key for key in (await boss.get("/api/v1/api-keys")).json()["api_keys"] if key["id"] == made["id"]
    ]
    assert found["revoked_at"] is None


async def test_nobody_is_erased_and_nothing_exported(ada: httpx.AsyncClient, owner_url: str) -> None:
    conversation = (await ask(ada, "hi"))["conversation_id"]
    async with without_an_audit(owner_url, "subject.erase"):
        assert (await ada.post("/api/v1/privacy/erase", json={"confirm": "erase"})).status_code == 500
    assert (await ada.get(f"/api/v1/conversations/{conversation}")).status_code == 200
    async with without_an_audit(owner_url, "subject.export"):
        assert (await ada.get("/api/v1/privacy/export")).status_code == 500


async def test_nobody_looks_at_what_a_customer_wrote(
    ada: httpx.AsyncClient, anne: httpx.AsyncClient, boss: httpx.AsyncClient, owner_url: str
) -> None:
    reply = await ask(ada, "hi")
    turn, conversation = reply["turn_id"], reply["conversation_id"]
    looks = [
        (boss, f"/api/v1/playground/turns/{turn}", "turn.read", turn),
        (boss, "/api/v1/playground/turns", "turns.read", turn),
        (boss, "/api/v1/reviews?wanted=all", "turns.read", turn),
        (anne, f"/api/v1/conversations/{conversation}", "conversation.read", conversation),
        (anne, "/api/v1/conversations", "conversations.read", conversation),
    ]
    for who, path, action, target in looks:
        async with without_an_audit(owner_url, action):
            assert (await who.get(path)).status_code == 500, path
        assert (await who.get(path)).status_code == 200, path
        [noted, *_] = (await boss.get("/api/v1/audit", params={"action": action})).json()["audit"]
        assert noted["object"] == target, path
    for path in (f"/api/v1/conversations/{conversation}", "/api/v1/conversations"):
        assert (await ada.get(path)).status_code == 200
    noted = (await boss.get("/api/v1/audit", params={"action": "conversation.read"})).json()["audit"]
    assert len(noted) == 1, "one's own is looked at without a row"


async def test_nobody_is_found(ada: httpx.AsyncClient, boss: httpx.AsyncClient, owner_url: str) -> None:
    await ask(ada, "hi")
    path, asked = "/api/v1/privacy/subjects/find", {"user": "ada@example.com"}
    async with without_an_audit(owner_url, "subject.find"):
        assert (await boss.post(path, json=asked)).status_code == 500
    found = (await boss.post(path, json=asked)).json()["subject_id"]
    [noted] = (await boss.get("/api/v1/audit", params={"action": "subject.find"})).json()["audit"]
    assert noted["object"] == found
