"""A row that no longer opens hides itself alone: the pages that list it show all the others."""

from __future__ import annotations

import httpx
import psycopg
from prometheus_client import REGISTRY

from desk.embedded import Engines
from desk.subjects.reading import UNREADABLE
from tests.server.handoff_wire import act, ask_for_person, said, waiting
from tests.server.wire import ask

# The last byte, as a bad disk would change it; twice is as it was.
BREAK = (
    "update shared.{table} set {column} = set_byte({column}, {last}, get_byte({column}, {last}) # 1)"
    " where {key} = %s"
)


async def _break(stores: Engines, table: str, column: str, key: str, value: str) -> None:
    statement = BREAK.format(table=table, column=column, key=key, last=f"length({column}) - 1")
    async with await psycopg.AsyncConnection.connect(stores.migration_database_url) as conn:
        changed = await conn.execute(statement, (value,))
        assert changed.rowcount == 1


def _passed(what: str) -> float:
    return REGISTRY.get_sample_value("desk_broken_seals_total", {"what": what}) or 0.0


async def test_a_message_hides_none_of_its_conversation(
    ada: httpx.AsyncClient, anne: httpx.AsyncClient, stores: Engines
) -> None:
    answer = await ask(ada, "What are loyalty points worth?")
    conversation = await ask_for_person(ada, conversation_id=answer["conversation_id"])
    entry = await waiting(anne, conversation)
    whole = await said(ada, conversation)
    page = (await ada.get("/api/v1/chat/history", params={"conversation_id": conversation})).json()
    await _break(stores, "messages", "text_sealed", "id", page["messages"][0]["id"])
    await _break(stores, "turns", "reply_sealed", "id", answer["turn_id"])
    passed = _passed("message")
    assert await said(ada, conversation) == [("user", UNREADABLE), *whole[1:]]
    read = await anne.get(f"/api/v1/handoffs/{entry['id']}/messages")
    assert [one["text"] for one in read.json()["messages"]] == [UNREADABLE, *(text for _, text in whole[1:])]
    assert all(one["sources"] == [] for one in read.json()["messages"])
    page = (await ada.get("/api/v1/chat/history", params={"conversation_id": conversation})).json()
    assert all(one["citations"] == [] for one in page["messages"])
    assert _passed("message") == passed + 3


async def test_a_turn_is_listed_without_what_was_said(
    ada: httpx.AsyncClient, admin: httpx.AsyncClient, stores: Engines
) -> None:
    answer = await ask(ada, "What are loyalty points worth?")
    rated = {"turn_id": answer["turn_id"], "rating": "down", "comment": "Not what I asked."}
    assert (await ada.post("/api/v1/chat/feedback", json=rated)).status_code == 204
    params = {"conversation_id": answer["conversation_id"]}
    asked, _ = (await ada.get("/api/v1/chat/history", params=params)).json()["messages"]
    await _break(stores, "messages", "text_sealed", "id", asked["id"])
    await _break(stores, "feedback", "comment_sealed", "turn_id", answer["turn_id"])
    listed = (await admin.get("/api/v1/playground/turns", params={"limit": 50})).json()["turns"]
    [turn] = [one for one in listed if one["id"] == answer["turn_id"]]
    assert (turn["asked"], turn["comment"], turn["rating"]) == (None, None, "down")
    assert turn["told"]


async def test_a_conversation_is_listed_without_its_title(ada: httpx.AsyncClient, stores: Engines) -> None:
    conversation = (await ask(ada, "What are loyalty points worth?"))["conversation_id"]
    named = await ada.put(f"/api/v1/conversations/{conversation}", json={"title": "My points"})
    assert named.json()["title"] == "My points"
    await _break(stores, "conversations", "title_sealed", "id", conversation)
    listed = (await ada.get("/api/v1/conversations")).json()["conversations"]
    assert [one["title"] for one in listed if one["id"] == conversation] == [None]


async def test_an_agent_without_a_name_keeps_the_queue_open(
    ada: httpx.AsyncClient, anne: httpx.AsyncClient, stores: Engines
) -> None:
    conversation = await ask_for_person(ada)
    entry = await waiting(anne, conversation)
    assert (await act(anne, entry["id"], "claim")).json()["agent"] == "anne@desk.example"
    async with await psycopg.AsyncConnection.connect(stores.migration_database_url) as conn:
        cursor = await conn.execute("select claimed_by from shared.handoffs where id = %s", (entry["id"],))
        [[agent]] = await cursor.fetchall()
    await _break(stores, "agents", "email_sealed", "subject_id", str(agent))
    try:
        assert (await waiting(anne, conversation))["agent"] is None
    finally:  # others work with this agent
        await _break(stores, "agents", "email_sealed", "subject_id", str(agent))
    assert (await waiting(anne, conversation))["agent"] == "anne@desk.example"
