"""A visitor who signs in keeps all of the talk, and the visitor's token sees nothing of it any more."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import uuid4

import httpx
import psycopg
import pytest

from desk.domain import Principal, SubjectId
from desk.errors import Conflict, NotFound
from desk.settings import Settings
from desk.storage import api_keys, tenants
from desk.storage.adoptions import SEALED
from desk.storage.pool import Database
from desk.subjects.adoption import adopt
from desk.subjects.export import Exporter, Piece
from desk.subjects.keys import KeyRing
from desk.subjects.master_keys import open_master_key
from server.issuer import Issuer
from tests.server.conftest import bearer
from tests.server.test_isolation import principal_of


@dataclass(frozen=True, slots=True)
class Service:
    """A shop's own service, whose sessions are visitors."""

    client: httpx.AsyncClient
    key_id: str

    async def say(self, session: str, message: str) -> str:
        body = {"message": message, "session_id": session}
        response = await self.client.post("/chat", json=body)
        assert response.status_code == 200, response.text
        return str(response.json()["response"])


@pytest.fixture
async def keys(database: Database, settings: Settings) -> KeyRing:
    return KeyRing(database, await open_master_key(settings, database))


async def service(client: httpx.AsyncClient, database: Database) -> Service:
    async with database.control_tx() as tx:
        tenant = await tenants.by_slug(tx, "bookshop")
    assert tenant is not None
    async with database.tenant_tx(Principal(tenant.id, "worker")) as tx:
        key = await api_keys.create(tx, tenant.id, "adopting")
        cursor = await tx.execute("select id from api_keys order by created_at desc limit 1")
        row = await cursor.fetchone()
    assert row is not None
    client.headers["x-api-key"] = key
    return Service(client, str(row[0]))


async def exported(database: Database, keys: KeyRing, who: Principal) -> list[Piece]:
    assert who.subject_id is not None
    exporter = await Exporter.of(database, keys, who, who.subject_id)
    return [piece async for piece in exporter.pieces() if piece.section == "conversations"]


async def visitor_of(keys: KeyRing, tenant: Principal, shop: Service, session: str) -> Principal:
    subject = await keys.find(Principal(tenant.tenant_id, "worker"), f"api-key:{shop.key_id}", session)
    assert subject is not None
    return Principal(tenant.tenant_id, "user", subject)


async def test_everything_moves_under_the_persons_key_and_the_talk_goes_on(
    anyone: httpx.AsyncClient,
    base_url: str,
    issuer: Issuer,
    database: Database,
    settings: Settings,
    keys: KeyRing,
    owner_url: str,
) -> None:
    shop, session = await service(anyone, database), f"session-{uuid4()}"
    await shop.say(session, "Please write to visitor.once@example.org, where is my parcel?")
    await shop.say(session, "let me talk to a person")
    email = f"adopter-{uuid4().hex[:8]}@example.com"
    person = await principal_of(database, settings, email)
    visitor = await visitor_of(keys, person, shop, session)
    assert visitor.subject_id is not None
    [before] = await exported(database, keys, visitor)
    assert await adopt(database, keys, person, visitor.subject_id) == 1
    [after] = await exported(database, keys, person)
    assert after == before, "told by other rows under another key, word for word"
    assert "visitor.once@example.org" in str(after.record["messages"])
    assert await exported(database, keys, visitor) == []
    assert await adopt(database, keys, person, visitor.subject_id) == 0
    async with await psycopg.AsyncConnection.connect(owner_url) as conn:
        for table in (
            "conversations",
            "turns",
            "messages",
            "turn_steps",
            "handoffs",
            "handoff_events",
            "checkpoints",
        ):
            query = f"select count(*) from shared.{table} where subject_id = %s".encode()
            moved = await (await conn.execute(query, (person.subject_id,))).fetchone()
            left = await (await conn.execute(query, (visitor.subject_id,))).fetchone()
            assert moved is not None
            assert moved[0] > 0, table
            assert left == (0,), table
    async with httpx.AsyncClient(base_url=base_url, headers=bearer(issuer, email), timeout=30) as client:
        history = (await client.get("/api/v1/chat/history")).json()["messages"]
        assert "visitor.once@example.org" in history[0]["text"]
        body = {"message": "hello again", "conversation_id": before.record["id"]}
        again = await client.post("/api/v1/chat/", json=body)
        assert again.status_code == 200, "its checkpoint opens"
    assert await shop.say(session, "hi"), "the visitor begins anew"
    [fresh] = await exported(database, keys, visitor)
    assert fresh.record["id"] != before.record["id"]
    worker = Principal(person.tenant_id, "worker")
    async with database.tenant_tx(worker) as tx:
        cursor = await tx.execute(
            "select actor, detail from audit where action = 'subject.adopt' and object = %s",
            (str(visitor.subject_id),),
        )
        assert await cursor.fetchall() == [(str(person.subject_id), {"conversations": 1})]


async def test_it_waits_for_a_running_turn_and_gives_up_after_a_while(
    anyone: httpx.AsyncClient, database: Database, settings: Settings, keys: KeyRing
) -> None:
    shop, session = await service(anyone, database), f"session-{uuid4()}"
    await shop.say(session, "hi")
    person = await principal_of(database, settings, f"waiting-{uuid4().hex[:8]}@example.com")
    visitor = await visitor_of(keys, person, shop, session)
    assert visitor.subject_id is not None
    [talk] = await exported(database, keys, visitor)
    turn = uuid4()
    async with database.control_tx() as tx:
        await tx.execute(
            "insert into turn_queue (turn_id, tenant_id, conversation_id, subject_id, lease_until)"
            " values (%s, %s, %s, %s, now() + interval '1 hour')",
            (turn, person.tenant_id, talk.record["id"], visitor.subject_id),
        )
    with pytest.raises(Conflict):
        await adopt(database, keys, person, visitor.subject_id)
    waiting = asyncio.create_task(adopt(database, keys, person, visitor.subject_id))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    async with database.control_tx() as tx:
        await tx.execute("delete from turn_queue where turn_id = %s", (turn,))
    assert await waiting == 1


async def test_nobody_is_adopted_but_visitors_of_the_same_tenant(
    anyone: httpx.AsyncClient,
    ada: httpx.AsyncClient,
    issuer: Issuer,
    database: Database,
    settings: Settings,
    keys: KeyRing,
) -> None:
    """Two people are not one, whatever tokens somebody holds."""
    shop, session = await service(anyone, database), f"session-{uuid4()}"
    await shop.say(session, "hi")
    grace = await principal_of(database, settings, "grace@example.com")
    person = await principal_of(database, settings, "ada@example.com")
    visitor = await visitor_of(keys, person, shop, session)
    assert visitor.subject_id is not None
    for by, whom in ((person, grace.subject_id), (visitor, visitor.subject_id), (visitor, person.subject_id)):
        assert whom is not None
        with pytest.raises(NotFound):
            await adopt(database, keys, by, whom)
    with pytest.raises(NotFound):
        await adopt(database, keys, person, SubjectId(uuid4()))
    theirs = bearer(issuer, "grace@example.com")["authorization"].removeprefix("Bearer ")
    for token, status in ((theirs, 404), ("nonsense", 401)):
        refused = await ada.post("/api/v1/me/adopt", json={"visitor_token": token})
        assert refused.status_code == status
    async with database.control_tx() as tx:
        await tenants.create(tx, "rival-adopters", "Rival")
    foreign = bearer(issuer, "x@y.example", tenant="rival-adopters")["authorization"].removeprefix("Bearer ")
    assert (await ada.post("/api/v1/me/adopt", json={"visitor_token": foreign})).status_code == 404


async def test_every_sealed_column_of_a_talk_is_sealed_anew(owner_url: str) -> None:
    """A column that is added tomorrow is either of the person alone or is named here."""
    of_the_person = {
        ("subjects", "profile_sealed"),
        ("agents", "email_sealed"),
        ("accounts", "email_sealed"),
    }
    of_threads = {
        ("checkpoints", "checkpoint_sealed"),
        ("checkpoints", "metadata_sealed"),
        ("checkpoint_writes", "value_sealed"),
    }
    async with await psycopg.AsyncConnection.connect(owner_url) as conn:
        cursor = await conn.execute(
            "select table_name, column_name from information_schema.columns"
            " where table_schema = 'shared' and column_name like '%\\_sealed'"
        )
        found = set(await cursor.fetchall())
    assert found - of_the_person - of_threads == {(one.table, one.column) for one in SEALED}
