"""People in the loop: the queue, one agent wins, replies once, back to the assistant; closed to others."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from desk.domain import ConversationId, Principal
from desk.settings import Settings
from desk.storage import handoffs, tenants
from desk.storage.pool import Database
from server.issuer import Issuer
from tests.server.handoff_wire import act, ask_for_person, listening, said, somebody, waiting
from tests.server.test_isolation import principal_of, same_body
from tests.server.wire import ask

ACTS: tuple[tuple[str, Any], ...] = (
    ("claim", None),
    ("reply", {"text": "Hello."}),
    ("transfer", {"to": None}),
    ("return", None),
    ("close", None),
)


async def test_a_conversation_from_the_queue_to_the_person_and_back(
    ada: httpx.AsyncClient, anne: httpx.AsyncClient
) -> None:
    conversation = await ask_for_person(ada)
    entry = await waiting(anne, conversation)
    assert (entry["state"], entry["reason"], entry["agent"]) == ("queued", "requested", None)
    assert 0 <= entry["waiting_seconds"] < 30
    assert entry["due_at"] is not None
    assert not entry["overdue"]

    also = await ask(ada, "My parcel is wet", conversation_id=conversation)
    assert "has been asked already" in also["reply"]["text"]
    assert "route_intent" not in also["timings_ms"], "no graph runs while a person is asked for"

    claimed = (await act(anne, entry["id"], "claim")).json()
    assert (claimed["state"], claimed["agent"]) == ("human", "anne@desk.example")
    with_anne = await ask(ada, "Which cards do you take?", conversation_id=conversation)
    assert "with my colleague" in with_anne["reply"]["text"]
    assert "route_intent" not in with_anne["timings_ms"]

    sent = await act(anne, entry["id"], "reply", {"text": "Sorry, Ada! We send a new one."})
    assert sent.status_code == 201
    assert (await waiting(anne, conversation))["waiting_seconds"] is None
    assert (await said(ada, conversation))[-1] == ("agent", "Sorry, Ada! We send a new one.")

    returned = (await act(anne, entry["id"], "return")).json()
    assert (returned["state"], returned["agent"]) == ("returned", None)
    role, text = (await said(ada, conversation))[-1]
    assert role == "assistant"
    assert "I am here again" in text
    answer = await ask(ada, "Which cards do you take?", conversation_id=conversation)
    assert "Mastercard" in answer["reply"]["text"]
    assert answer["timings_ms"]["route_intent"] > 0


async def test_an_agent_sees_what_an_answer_stood_on(ada: httpx.AsyncClient, anne: httpx.AsyncClient) -> None:
    answer = await ask(ada, "What are loyalty points worth?")
    [source] = answer["reply"]["citations"]
    conversation = await ask_for_person(ada, conversation_id=answer["conversation_id"])
    entry = await waiting(anne, conversation)
    read = (await anne.get(f"/api/v1/handoffs/{entry['id']}/messages")).json()["messages"]
    sources = [[], [{"title": source["title"], "quote": source["quote"]}], [], []]
    assert [message["sources"] for message in read] == sources


async def test_two_agents_claim_at_once_and_one_wins(
    ada: httpx.AsyncClient, anne: httpx.AsyncClient, ben: httpx.AsyncClient
) -> None:
    for _ in range(5):
        handoff = (await waiting(anne, await ask_for_person(ada)))["id"]
        tries = await asyncio.gather(*(act(agent, handoff, "claim") for agent in (anne, ben) * 3))
        won = [
            agent
            for agent, response in zip((anne, ben) * 3, tries, strict=True)
            if response.status_code == 200
        ]
        lost = [response for response in tries if response.status_code != 200]
        assert len(won) == 3
        assert len({id(agent) for agent in won}) == 1, "the winner may ask again, nobody else"
        assert all(response.status_code == 409 for response in lost)
        assert "quicker" in lost[0].json()["detail"]


async def test_a_reply_is_said_once(ada: httpx.AsyncClient, anne: httpx.AsyncClient) -> None:
    conversation = await ask_for_person(ada)
    handoff = (await waiting(anne, conversation))["id"]
    await act(anne, handoff, "claim")
    key = {"idempotency-key": str(uuid4())}
    body = {"text": "Please write to help@bookshop.example"}
    answers = await asyncio.gather(*(act(anne, handoff, "reply", body, **key) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["message_id"] for answer in answers}) == 1
    assert [text for role, text in await said(ada, conversation) if role == "agent"] == [body["text"]]
    other = await act(anne, handoff, "reply", {"text": "Something else"}, **key)
    assert other.status_code == 422
    await act(anne, handoff, "close")
    assert (await act(anne, handoff, "reply", body, **key)).json() == answers[0].json()
    assert (await act(anne, handoff, "reply", {"text": "Late"})).status_code == 409


async def test_what_an_agent_writes_is_sealed_with_pseudonyms(
    ada: httpx.AsyncClient, anne: httpx.AsyncClient, owner_url: str
) -> None:
    conversation = await ask_for_person(ada)
    await ask(ada, "my mail is ada.canary@example.org", conversation_id=conversation)
    handoff = (await waiting(anne, conversation))["id"]
    await act(anne, handoff, "claim")
    text = "I write to ada.canary@example.org and to second.canary@example.org"
    await act(anne, handoff, "reply", {"text": text})
    await ask(ada, "and third.canary@example.org", conversation_id=conversation)
    history = [text for _, text in await said(ada, conversation)]
    assert text in history
    assert "and third.canary@example.org" in history
    read = (await anne.get(f"/api/v1/handoffs/{handoff}/messages")).json()
    assert text in [message["text"] for message in read["messages"]]
    async with await psycopg.AsyncConnection.connect(owner_url) as conn:
        for table in (
            "messages",
            "handoffs",
            "handoff_events",
            "agent_replies",
            "agents",
            "audit",
            "conversations",
        ):
            rows = await conn.execute(f"select convert_to(t::text, 'UTF8') from shared.{table} t")
            dump = b"".join(row[0] for row in await rows.fetchall())
            assert b"canary" not in dump, table
            assert b"anne@desk" not in dump, table


async def test_every_act_is_audited(
    ada: httpx.AsyncClient,
    anne: httpx.AsyncClient,
    ben: httpx.AsyncClient,
    database: Database,
    settings: Settings,
) -> None:
    await ben.get("/api/v1/handoffs")
    conversation = await ask_for_person(ada)
    handoff = (await waiting(anne, conversation))["id"]
    await act(anne, handoff, "claim")
    await anne.get(f"/api/v1/handoffs/{handoff}/messages")
    await act(anne, handoff, "reply", {"text": "Hello."})
    await act(anne, handoff, "transfer", {"to": "Ben@desk.example"})
    await act(ben, handoff, "close")
    acting = {
        str((await principal_of(database, settings, email)).subject_id): email
        for email in ("anne@desk.example", "ben@desk.example")
    }
    worker = Principal((await principal_of(database, settings, "ada@example.com")).tenant_id, "worker")
    async with database.tenant_tx(worker) as tx:
        cursor = await tx.execute("select actor, action from audit where object = %s order by id", (handoff,))
        rows = [(acting[actor], action) for actor, action in await cursor.fetchall()]
    assert rows == [
        ("anne@desk.example", "handoff.claim"),
        ("anne@desk.example", "handoff.read"),
        ("anne@desk.example", "handoff.reply"),
        ("anne@desk.example", "handoff.transfer"),
        ("ben@desk.example", "handoff.close"),
    ]


async def test_transfer_to_a_colleague_and_to_the_queue(
    ada: httpx.AsyncClient, anne: httpx.AsyncClient, ben: httpx.AsyncClient, boss: httpx.AsyncClient
) -> None:
    await ben.get("/api/v1/handoffs")
    colleagues = (await anne.get("/api/v1/handoffs/agents")).json()["agents"]
    assert "ben@desk.example" in [colleague["email"] for colleague in colleagues]
    conversation = await ask_for_person(ada)
    handoff = (await waiting(anne, conversation))["id"]
    assert (await act(anne, handoff, "transfer", {"to": None})).status_code == 409
    await act(anne, handoff, "claim")
    assert (await act(ben, handoff, "reply", {"text": "Mine?"})).status_code == 409
    moved = await act(anne, handoff, "transfer", {"to": "ben@desk.example"})
    assert moved.json()["agent"] == "ben@desk.example"
    assert (await act(anne, handoff, "reply", {"text": "Still mine?"})).status_code == 409
    assert (await act(ben, handoff, "reply", {"text": "Hello, Ben here."})).status_code == 201
    unknown = await act(ben, handoff, "transfer", {"to": "nobody@desk.example"})
    assert unknown.status_code == 422
    assert "no agent with this address" in unknown.json()["detail"]
    back = (await act(boss, handoff, "transfer", {"to": None})).json()
    assert (back["state"], back["agent"]) == ("queued", None)
    assert back["waiting_seconds"] is not None
    assert (await act(ben, handoff, "close")).status_code == 409
    assert (await act(boss, handoff, "close")).json()["state"] == "closed"


async def test_a_closed_conversation_goes_on_with_the_assistant_and_may_ask_again(
    ada: httpx.AsyncClient, anne: httpx.AsyncClient
) -> None:
    conversation = await ask_for_person(ada)
    first = (await waiting(anne, conversation))["id"]
    await act(anne, first, "claim")
    assert (await act(anne, first, "close")).json()["state"] == "closed"
    assert (await waiting(anne, conversation, "closed"))["id"] == first
    assert (await act(anne, first, "claim")).status_code == 409
    assert (
        "5-7"
        in (await ask(ada, "How long does shipping take?", conversation_id=conversation))["reply"]["text"]
    )
    await ask_for_person(ada, conversation_id=conversation)
    assert (await waiting(anne, conversation))["id"] != first


async def test_the_longest_wait_stands_first(ada: httpx.AsyncClient, anne: httpx.AsyncClient) -> None:
    asked = [await ask_for_person(ada) for _ in range(3)]
    queue = (await anne.get("/api/v1/handoffs?state=queued&limit=200")).json()["handoffs"]
    order = [entry["conversation_id"] for entry in queue if entry["conversation_id"] in asked]
    assert order == asked
    waits = [entry["waiting_seconds"] for entry in queue]
    assert waits == sorted(waits, reverse=True)


async def test_customers_and_services_are_kept_out(
    ada: httpx.AsyncClient, anne: httpx.AsyncClient, anyone: httpx.AsyncClient
) -> None:
    handoff = (await waiting(anne, await ask_for_person(ada)))["id"]
    for client, status in ((ada, 403), (anyone, 401)):
        for path in ("", "/events", "/agents", f"/{handoff}/messages"):
            assert (await client.get(f"/api/v1/handoffs{path}")).status_code == status, path
        for what, body in ACTS:
            assert (await act(client, handoff, what, body)).status_code == status, what


async def test_a_foreign_handoff_is_an_unknown_one(
    ada: httpx.AsyncClient, anne: httpx.AsyncClient, base_url: str, issuer: Issuer, database: Database
) -> None:
    conversation = await ask_for_person(ada)
    theirs, nobodys = (await waiting(anne, conversation))["id"], str(uuid4())
    async with database.control_tx() as tx:
        await tenants.create(tx, "rival", "Rival Books")
    async with somebody(base_url, issuer, "anne@desk.example", "admin", "rival") as rival:
        assert (await rival.get("/api/v1/handoffs")).json()["handoffs"] == []
        for what, body in ACTS:
            foreign, unknown = [await act(rival, handoff, what, body) for handoff in (theirs, nobodys)]
            assert foreign.status_code == unknown.status_code == 404, what
            assert same_body(foreign, unknown)
        read = [await rival.get(f"/api/v1/handoffs/{handoff}/messages") for handoff in (theirs, nobodys)]
        assert [response.status_code for response in read] == [404, 404]
        assert (await rival.get(f"/api/v1/conversations/{conversation}/events")).status_code == 404
        async with listening(rival, "/api/v1/handoffs/events?after=0") as live:
            await ask_for_person(ada)
            with pytest.raises(TimeoutError):
                await live.next(1.5)
    assert (await waiting(anne, conversation))["state"] == "queued"


async def test_row_level_security_holds_without_the_application(
    ada: httpx.AsyncClient, anne: httpx.AsyncClient, database: Database, settings: Settings
) -> None:
    conversation = await ask_for_person(ada)
    await act(anne, (await waiting(anne, conversation))["id"], "claim")
    grace = await principal_of(database, settings, "grace@example.com")
    async with database.control_tx() as tx:
        rival = await tenants.create(tx, "rival", "Rival Books")
    for stranger in (grace, Principal(rival.id, "admin"), Principal(rival.id, "worker")):
        async with database.tenant_tx(stranger) as tx:
            assert await handoffs.get_open(tx, ConversationId(UUID(conversation))) is None
            for table in ("handoffs", "handoff_events", "agent_replies"):
                cursor = await tx.execute(
                    f"select count(*) from {table} where subject_id is distinct from %s",
                    (stranger.subject_id,),
                )
                assert await cursor.fetchone() == (0,), table


async def test_acts_and_messages_at_once_leave_nobody_unheard(
    ada: httpx.AsyncClient, anne: httpx.AsyncClient
) -> None:
    """While Anne returns the conversation Ada writes on: every message reaches Anne or the assistant."""
    for _ in range(4):
        conversation = await ask_for_person(ada)
        handoff = (await waiting(anne, conversation))["id"]
        await act(anne, handoff, "claim")
        body = {"message": "Which cards do you take?", "conversation_id": conversation}
        sent, returned = await asyncio.gather(
            ada.post("/api/v1/chat/", json=body), act(anne, handoff, "return")
        )
        assert returned.status_code == 200, returned.text
        assert sent.status_code in (200, 409)
        roles = [role for role, _ in await said(ada, conversation)]
        assert roles.count("user") == 1 + (sent.status_code == 200)
        if sent.status_code == 200:
            text = sent.json()["reply"]["text"]
            assert "Mastercard" in text or "with my colleague" in text
        later = await ask(ada, "Which cards do you take?", conversation_id=conversation)
        assert "Mastercard" in later["reply"]["text"], "the conversation is the assistant's again"


async def test_what_changes_who_answers_waits_for_a_running_turn(
    ada: httpx.AsyncClient, anne: httpx.AsyncClient, database: Database, settings: Settings
) -> None:
    """A turn has read the mode and the vault at its start: nobody may change them under its hands."""
    conversation = await ask_for_person(ada)
    handoff = (await waiting(anne, conversation))["id"]
    subject = await principal_of(database, settings, "ada@example.com")
    running = uuid4()
    async with database.control_tx() as tx:
        await tx.execute(
            "insert into turn_queue (turn_id, tenant_id, conversation_id, subject_id, lease_until)"
            " values (%s, %s, %s, %s, now() + interval '1 hour')",
            (running, subject.tenant_id, conversation, subject.subject_id),
        )
    assert (await act(anne, handoff, "claim")).status_code == 200, "who takes it changes nothing for the turn"
    tries = await asyncio.gather(
        act(anne, handoff, "reply", {"text": "Hello."}),
        act(anne, handoff, "return"),
        act(anne, handoff, "close"),
    )
    assert [response.status_code for response in tries] == [409, 409, 409]
    assert "just being taken in" in tries[0].json()["detail"]
    later = asyncio.create_task(act(anne, handoff, "return"))
    await asyncio.sleep(0.3)
    async with database.control_tx() as tx:
        await tx.execute("delete from turn_queue where turn_id = %s", (running,))
    assert (await later).json()["state"] == "returned"
    async with database.control_tx() as tx:
        cursor = await tx.execute(
            "select count(*) from turn_queue where conversation_id = %s", (conversation,)
        )
        assert await cursor.fetchone() == (0,), "the place of the turn was given back"


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("reply", {"text": ""}),
        ("reply", {"text": "nul\0"}),
        ("reply", {"text": "x" * 4001}),
        ("reply", {"text": "hi", "role": "user"}),
        ("transfer", {"to": ""}),
        ("transfer", {"to": 5}),
    ],
)
async def test_bad_bodies_are_refused(anne: httpx.AsyncClient, what: str, body: dict[str, Any]) -> None:
    assert (await act(anne, str(uuid4()), what, body)).status_code == 422


async def test_bad_addresses_are_refused(anne: httpx.AsyncClient) -> None:
    assert (await anne.get("/api/v1/handoffs?state=lost")).status_code == 422
    assert (await act(anne, "not-a-uuid", "claim")).status_code == 422
    assert (await anne.get("/api/v1/handoffs/events?after=99999999999999999999")).status_code == 422
    bad = await anne.get("/api/v1/handoffs/events", headers={"last-event-id": "-1"})
    assert bad.status_code == 422
