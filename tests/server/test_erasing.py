"""Who is erased is gone everywhere within a minute, whatever ran at that moment, and may begin anew."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import httpx
import pytest

from desk.domain import Principal, SubjectId, TenantId, TenantSettings
from desk.embedded import Engines
from desk.storage import erasures
from graphs.streams.fanout import feed_key_of
from tests.server.replicas import (
    Replica,
    begun,
    new_tenant,
    rest_of,
    two_replicas,
    until,
)
from tests.server.sweep import files_with, redis_with, tables_with
from tests.server.wire import ask

CANARY = "canary-7f3a"
WITHIN_SECONDS = 60.0
ERASE = {"confirm": "erase"}
# What remains of an erased person: that there was one, that they were erased, and what they did to others.
REMAINS = {"subjects", "erasures", "audit"}


@pytest.fixture(scope="module")
async def pair(own_stores: Engines) -> AsyncIterator[tuple[Replica, Replica]]:
    """Two replicas on one database and one Redis, which also run the jobs."""
    async with two_replicas(own_stores) as both:
        yield both


@pytest.fixture
async def shop(pair: tuple[Replica, Replica]) -> str:
    return await new_tenant(pair[0])


async def subject_of(place: Replica, tenant: str, email: str) -> tuple[TenantId, SubjectId]:
    engine = place.desk.services.engine
    known = await engine.tenants.get(tenant)
    found = await engine.keys.find(Principal(known.id, "worker"), engine.settings.issuer, email)
    assert found is not None
    return known.id, found


async def erase(client: httpx.AsyncClient) -> str:
    """The id of the erasure that the client's person asked for."""
    response = await client.post("/api/v1/privacy/erase", json=ERASE)
    assert response.status_code == 202, response.text
    return str(response.json()["id"])


async def wait_until_done(client: httpx.AsyncClient, erasure_ids: list[str]) -> None:
    async def all_done() -> bool:
        states = [(await client.get(f"/api/v1/privacy/erasures/{one}")).json() for one in erasure_ids]
        return all(state["state"] == "done" for state in states)

    await until(all_done, WITHIN_SECONDS)


async def test_nothing_is_left_of_who_is_erased_and_the_neighbour_keeps_all(
    pair: tuple[Replica, Replica], shop: str, own_stores: Engines
) -> None:
    words = f"say 3 every 0.01 {CANARY}-whole"
    async with pair[0].client("eve@x.org", shop) as eve, pair[1].client("nora@x.org", shop) as nora:
        reply = await ask(eve, words)
        kept = await ask(nora, words.replace("whole", "kept"))
        rated = {"turn_id": reply["turn_id"], "rating": "up", "tags": ["unclear"], "comment": words}
        assert (await eve.post("/api/v1/chat/feedback", json=rated)).status_code == 204
        tenant_id, subject_id = await subject_of(pair[0], shop, "eve@x.org")
        assert await tables_with(own_stores.migration_database_url, ["{unclear}"]) == {"feedback": 1}
        began = time.monotonic()
        erasure = await erase(eve)
        await wait_until_done(eve, [erasure])
        assert time.monotonic() - began < WITHIN_SECONDS
        ids = [str(subject_id), reply["turn_id"], reply["conversation_id"], "{unclear}"]
        assert set(await tables_with(own_stores.migration_database_url, ids)) == REMAINS
        assert await redis_with(own_stores, [reply["turn_id"]]) == []
        history = (await nora.get("/api/v1/chat/history")).json()["messages"]
        assert [message["conversation_id"] for message in history] == [kept["conversation_id"]] * 2
        assert (await eve.get("/api/v1/chat/history")).json()["messages"] == []
    worker = Principal(tenant_id, "worker")
    async with pair[0].desk.services.engine.database.tenant_tx(worker) as tx:
        cursor = await tx.execute("select action, detail from audit where object = %s", (str(subject_id),))
        noted = {row[0]: row[1] for row in await cursor.fetchall()}
        cursor = await tx.execute(
            "select wrapped_key, identity_hash, erased_at from subjects where id = %s", (subject_id,)
        )
        tombstone = await cursor.fetchone()
    assert noted == {"subject.erase": {"erasure": erasure}, "subject.erased": {"erasure": erasure}}
    assert tombstone is not None
    assert tombstone[:2] == (None, b"")
    assert tombstone[2] is not None


async def test_a_running_turn_stops_and_writes_nothing_and_the_next_one_is_a_strangers(
    pair: tuple[Replica, Replica], shop: str, own_stores: Engines
) -> None:
    async with pair[0].client("eve@x.org", shop) as here, pair[1].client("eve@x.org", shop) as there:
        async with begun(here, f"say 400 every 0.05 {CANARY}-running", tokens=2) as (turn, lines):
            _, before = await subject_of(pair[1], shop, "eve@x.org")
            began = time.monotonic()
            erasure = await erase(there)
            rest = await asyncio.wait_for(rest_of(lines), 15)
            assert time.monotonic() - began < 10, "it is stopped long before it would have ended"
        assert [event for event in rest if event["event"] == "done"] == []
        assert (await here.get(f"/api/v1/turns/{turn.turn_id}/events")).status_code == 404
        anew = {"message": "say 1 every 0"}

        async def welcome() -> bool:
            return (await here.post("/api/v1/chat/", json=anew)).status_code == 200

        await until(welcome, 10)
        _, after = await subject_of(pair[0], shop, "eve@x.org")
        assert after != before
        await wait_until_done(there, [erasure])
        history = (await here.get("/api/v1/chat/history")).json()["messages"]
        assert {message["text"] for message in history} == {"say 1 every 0", "word1 "}
    left = await tables_with(own_stores.migration_database_url, [str(before), turn.turn_id])
    assert set(left) == REMAINS


async def test_erasures_that_race_turns_leave_nothing(
    pair: tuple[Replica, Replica], shop: str, own_stores: Engines
) -> None:
    """Sixty people, each erased at a moment of its own while they write, rate and open conversations."""
    chance = random.Random(20)
    people = [f"racer{number}@x.org" for number in range(60)]
    subjects: set[str] = set()
    turns: set[str] = set()

    async def talk(client: httpx.AsyncClient, until_time: float) -> None:
        conversation = None
        while time.monotonic() < until_time:
            message = f"say {chance.randint(1, 8)} every 0.01 {CANARY}-race"
            body = {"message": message} | ({"conversation_id": conversation} if conversation else {})
            response = await client.post("/api/v1/chat/", json=body)
            assert response.status_code in (200, 404, 409, 429, 503), response.text
            if response.status_code == 200:
                reply = response.json()
                turns.add(reply["turn_id"])
                conversation = None if chance.random() < 0.5 else reply["conversation_id"]
                rated = {"turn_id": reply["turn_id"], "rating": "up", "comment": f"{CANARY}-race"}
                await client.post("/api/v1/chat/feedback", json=rated)

    async def race(email: str) -> str:
        here, there = chance.sample(pair, 2)
        async with here.client(email, shop) as one, there.client(email, shop) as other:
            subject = await here.desk.services.engine.keys.subject(
                (await here.desk.services.engine.tenants.get(shop)).id,
                here.desk.services.engine.settings.issuer,
                email,
            )
            subjects.add(str(subject))
            end = time.monotonic() + 0.6
            talking = [asyncio.create_task(talk(client, end)) for client in (one, one, other)]
            await asyncio.sleep(chance.uniform(0, 0.5))
            erasure = await erase(other)
            await asyncio.gather(*talking)
            return erasure

    asked = []
    for start in range(0, len(people), 10):
        asked += await asyncio.gather(*map(race, people[start : start + 10]))
    async with pair[0].client("boss@x.org", shop, "admin") as boss:
        await wait_until_done(boss, asked)
    assert len(turns) > len(people)
    owner = own_stores.migration_database_url
    assert set(await tables_with(owner, subjects)) <= REMAINS
    async with pair[0].desk.services.engine.database.control_tx() as tx:
        cursor = await tx.execute("select trace_ids from erasures where state = 'done'")
        assert {tuple(row[0]) for row in await cursor.fetchall()} == {()}
    assert await tables_with(owner, [f"{CANARY}-race"]) == {}, "it was never in clear"
    assert await redis_with(own_stores, [f"{CANARY}-race"]) == []


async def test_an_admin_erases_for_a_person_and_others_may_not(
    pair: tuple[Replica, Replica], shop: str
) -> None:
    rival = await new_tenant(pair[0])
    async with (
        pair[0].client("eve@x.org", shop) as eve,
        pair[0].client("boss@x.org", shop, "admin") as boss,
        pair[0].client("boss@x.org", rival, "admin") as stranger,
    ):
        await ask(eve, "say 1 every 0")
        found = await boss.post("/api/v1/privacy/subjects/find", json={"user": "eve@x.org"})
        subject = found.json()["subject_id"]
        path = f"/api/v1/privacy/subjects/{subject}/erase"
        assert (await eve.post(path, json=ERASE)).status_code == 403
        assert (await stranger.post(path, json=ERASE)).status_code == 404
        assert (await boss.post(path, json={})).status_code == 422
        first, again = await boss.post(path, json=ERASE), await boss.post(path, json=ERASE)
        assert first.status_code == 202
        assert first.json()["id"] == again.json()["id"]
        state = f"/api/v1/privacy/erasures/{first.json()['id']}"
        assert (await stranger.get(state)).status_code == 404
        assert (await boss.get(f"/api/v1/privacy/erasures/{uuid4()}")).status_code == 404
        unknown = await boss.post("/api/v1/privacy/subjects/find", json={"user": "eve@x.org"})
        assert unknown.status_code == 404


async def test_mail_streams_and_outbox_of_the_erased_are_emptied(
    pair: tuple[Replica, Replica], own_stores: Engines
) -> None:
    """What lies outside of the person's own rows: files of mail, deliveries, the events of their turns."""
    place = pair[0]
    shop = await new_tenant(place, TenantSettings(handoff_mail_to=("team@x.org",)))
    home = place.desk.services.engine.settings.home
    async with place.client("eve@x.org", shop) as eve:
        async with begun(eve, "say 2 every 0", tokens=1) as (turn, lines):
            await rest_of(lines)
        tenant_id, subject_id = await subject_of(place, shop, "eve@x.org")
        handoff = await waiting_customer(place, tenant_id, subject_id, turn.conversation_id, turn.turn_id)

        async def mailed() -> bool:
            return bool(files_with(home / "mail", ["Team", "team@x.org"]))

        await until(mailed, 40)
        key = feed_key_of(tenant_id, turn.turn_id)  # type: ignore[arg-type]

        async def streamed() -> bool:
            return await redis_with(own_stores, [key]) == [key]

        await until(streamed, 5)
        await wait_until_done(eve, [await erase(eve)])
    assert list((home / "mail").glob("*.eml")) == []
    assert await redis_with(own_stores, [key]) == []
    assert await tables_with(own_stores.migration_database_url, [handoff, turn.conversation_id]) == {}


async def waiting_customer(
    place: Replica, tenant_id: TenantId, subject_id: SubjectId, conversation: str, turn: str
) -> str:
    """The id of a handoff in the queue, owed to the tenant's mailboxes."""
    from datetime import UTC, datetime, timedelta

    from desk.domain import ConversationId, TurnId
    from desk.storage import handoffs
    from desk.storage.handoffs import HandoffRequest
    from desk.storage.turns import Claim

    who = Principal(tenant_id, "worker", subject_id)
    claim = Claim(TurnId(UUID(turn)), tenant_id, ConversationId(UUID(conversation)), subject_id, 0, 1)
    # Not late yet: the timer's alarm would note the handoff's id in the audit, which stays.
    asked = HandoffRequest("requested", "queued", "en", datetime.now(UTC) + timedelta(hours=1))
    async with place.desk.services.engine.database.tenant_tx(who) as tx:
        row = await (await handoffs.request(tx, who, claim, asked)).fetchone()
    assert row is not None
    return str(row[0])


async def test_every_table_of_persons_can_be_emptied(own_stores: Engines) -> None:
    """The deletion finds tables by their policy, and in them the person by one column."""
    import psycopg

    async with await psycopg.AsyncConnection.connect(own_stores.migration_database_url) as conn:
        cursor = await conn.execute(
            "select c.relname, exists (select from pg_attribute a where a.attrelid = c.oid"
            " and a.attname = 'subject_id' and not a.attisdropped)"
            " from pg_policy p join pg_class c on c.oid = p.polrelid where p.polname = 'person'"
        )
        assert {table for table, has in await cursor.fetchall() if not has} == {"subjects"}


async def test_a_deletion_that_died_in_the_middle_goes_on(pair: tuple[Replica, Replica], shop: str) -> None:
    """A batch is committed and then nobody goes on, as after a kill; the next look finds the rest."""
    async with pair[0].client("eve@x.org", shop) as eve:
        for _ in range(3):
            await ask(eve, "say 1 every 0")
        tenant_id, subject_id = await subject_of(pair[0], shop, "eve@x.org")
        database = pair[0].desk.services.engine.database
        async with database.tenant_tx(Principal(tenant_id, "worker")) as tx:
            assert await erasures.delete_rows(tx, subject_id, limit=2) == 2
        await wait_until_done(eve, [await erase(eve)])
