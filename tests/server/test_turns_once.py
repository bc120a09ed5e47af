"""One Idempotency-Key, one turn: replays, attaching, key reuse, one writer, a process killed in a turn."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest

from desk.embedded import Engines
from desk.settings import Settings
from server.issuer import Issuer
from tests.plugins.stores import temporary_home
from tests.server.conftest import bearer
from tests.server.doomed import doomed
from tests.server.wire import ask, parse_events, read_events


async def test_the_same_key_gives_the_same_reply(ada: httpx.AsyncClient) -> None:
    headers = {"idempotency-key": str(uuid4())}
    body = {"message": "How long does shipping take?"}
    first = (await ada.post("/api/v1/chat/", json=body, headers=headers)).json()
    second = (await ada.post("/api/v1/chat/send", json=body, headers=headers)).json()
    assert first == second
    events = await read_events(ada, body, headers)
    assert events[-1]["data"] == first
    assert events[0]["data"]["turn_id"] == first["turn_id"]
    history = await ada.get("/api/v1/chat/history", params={"conversation_id": first["conversation_id"]})
    assert len(history.json()["messages"]) == 2


async def test_a_key_with_another_body_is_refused(ada: httpx.AsyncClient) -> None:
    headers = {"idempotency-key": str(uuid4())}
    await ada.post("/api/v1/chat/", json={"message": "hi"}, headers=headers)
    second = await ada.post("/api/v1/chat/", json={"message": "hello"}, headers=headers)
    assert second.status_code == 422
    assert "Idempotency-Key" in second.json()["detail"]


async def test_the_key_of_a_deleted_conversation_does_nothing_anew(
    ada: httpx.AsyncClient, grace: httpx.AsyncClient
) -> None:
    headers = {"idempotency-key": str(uuid4())}
    first = await ada.post("/api/v1/chat/", json={"message": "hi"}, headers=headers)
    conversation = first.json()["conversation_id"]
    assert (await ada.delete(f"/api/v1/conversations/{conversation}")).status_code == 204
    again = await ada.post("/api/v1/chat/", json={"message": "hi"}, headers=headers)
    assert again.status_code == 404
    assert "was deleted" in again.json()["detail"]
    assert (await ada.post("/api/v1/chat/", json={"message": "hi"})).status_code == 200
    other = await grace.post("/api/v1/chat/", json={"message": "hi"}, headers=headers)
    assert other.status_code == 200


async def test_a_key_sent_while_its_conversation_is_deleted_waits_and_does_nothing_anew(
    ada: httpx.AsyncClient, owner_url: str
) -> None:
    headers = {"idempotency-key": str(uuid4())}
    first = (await ada.post("/api/v1/chat/", json={"message": "hi"}, headers=headers)).json()
    async with await psycopg.AsyncConnection.connect(owner_url) as owner:
        await owner.execute("set search_path to shared, desk_control, public")
        await owner.execute("select spend_keys(%s)", (first["conversation_id"],))
        await owner.execute("delete from conversations where id = %s", (first["conversation_id"],))
        again = asyncio.create_task(ada.post("/api/v1/chat/", json={"message": "hi"}, headers=headers))
        await asyncio.sleep(0.3)
        assert not again.done(), "nobody can say yet whether the key is taken"
    assert (await again).status_code == 404


async def test_two_people_may_use_the_same_key(ada: httpx.AsyncClient, grace: httpx.AsyncClient) -> None:
    headers = {"idempotency-key": str(uuid4())}
    one = await ada.post("/api/v1/chat/", json={"message": "hi"}, headers=headers)
    other = await grace.post("/api/v1/chat/", json={"message": "hi"}, headers=headers)
    assert one.json()["turn_id"] != other.json()["turn_id"]


async def test_requests_with_one_key_at_once_make_one_turn(ada: httpx.AsyncClient) -> None:
    headers = {"idempotency-key": str(uuid4())}
    sent = [
        ada.post("/api/v1/chat/", json={"message": "Which cards do you take?"}, headers=headers)
        for _ in range(8)
    ]
    answers = [response.json() for response in await asyncio.gather(*sent)]
    assert len({answer["turn_id"] for answer in answers}) == 1
    assert all(answer == answers[0] for answer in answers)


async def test_a_conversation_has_one_writer(ada: httpx.AsyncClient) -> None:
    conversation = (await ask(ada, "hi"))["conversation_id"]
    body = {"message": "How long does shipping take?", "conversation_id": conversation}
    answers = await asyncio.gather(*(ada.post("/api/v1/chat/", json=body) for _ in range(6)))
    statuses = sorted(answer.status_code for answer in answers)
    assert set(statuses) <= {200, 409}
    assert 200 in statuses
    history = await ada.get("/api/v1/chat/history", params={"conversation_id": conversation})
    assert len(history.json()["messages"]) == 2 + 2 * statuses.count(200)


async def test_a_reader_that_leaves_does_not_stop_the_turn(ada: httpx.AsyncClient) -> None:
    headers = {"idempotency-key": str(uuid4())}
    body = {"message": "What is your return policy?"}
    async with ada.stream("POST", "/api/v1/chat/stream", json=body, headers=headers) as response:
        async for _ in response.aiter_bytes(16):
            break
    reply = (await ada.post("/api/v1/chat/", json=body, headers=headers)).json()
    assert "30 days" in reply["reply"]["text"]


@pytest.mark.parametrize("point", ["before_run", "before_commit", "after_commit"])
async def test_a_killed_turn_completes_once(
    migrated: Engines, settings: Settings, issuer: Issuer, base_url: str, point: str
) -> None:
    """A process dies by SIGKILL in a turn; another one finishes it; the same key gets the answer."""
    key = str(uuid4())
    body = {"message": "How long does shipping take?"}
    headers = bearer(issuer, f"killed-{point}@example.com") | {"idempotency-key": key}
    with temporary_home() as home:
        async with doomed(migrated, settings, Path(home), point) as (url, process):
            with pytest.raises(httpx.HTTPError):
                async with httpx.AsyncClient(timeout=30) as client:
                    await client.post(f"{url}/api/v1/chat/", json=body, headers=headers)
            assert process.wait(10) == -9
    async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=40) as client:
        replied = await client.post("/api/v1/chat/", json=body)
        again = await client.post("/api/v1/chat/stream", json=body)
        assert replied.status_code == 200
        assert "5-7 business days" in replied.json()["reply"]["text"]
        assert parse_events(again.text)[-1]["data"] == replied.json()
        history = (await client.get("/api/v1/chat/history")).json()["messages"]
    assert [message["role"] for message in history] == ["user", "assistant"]
