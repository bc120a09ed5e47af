"""What happens to handoffs, live: for agents the whole queue, for customers their own conversation."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest

from tests.server.handoff_wire import act, ask_for_person, listening, waiting
from tests.server.test_isolation import same_body
from tests.server.wire import ask, read_events


async def test_agents_hear_of_everything_live(ada: httpx.AsyncClient, anne: httpx.AsyncClient) -> None:
    cursor = (await anne.get("/api/v1/handoffs")).json()["cursor"]
    async with listening(anne, f"/api/v1/handoffs/events?after={cursor}") as live:
        conversation = await ask_for_person(ada)
        handoff = (await waiting(anne, conversation))["id"]
        await ask(ada, "a canary called tweety-4711", conversation_id=conversation)
        await act(anne, handoff, "claim")
        await act(anne, handoff, "reply", {"text": "Hello."})
        await act(anne, handoff, "return")
        events = [await live.next() for _ in range(6)]
    assert [event["event"] for event in events] == [
        "queued",
        "message",
        "claimed",
        "message",
        "returned",
        "message",
    ]
    assert [event["data"]["role"] for event in events] == [None, "user", None, "agent", None, "assistant"]
    assert {event["data"]["handoff_id"] for event in events} == {handoff}
    numbers = [event["id"] for event in events]
    assert numbers == sorted(set(numbers))
    assert "tweety" not in str(events)
    async with listening(anne, "/api/v1/handoffs/events", last=numbers[2]) as resumed:
        assert [(await resumed.next())["id"] for _ in range(3)] == numbers[3:]


async def test_the_customer_hears_the_agent_live(ada: httpx.AsyncClient, anne: httpx.AsyncClient) -> None:
    conversation = await ask_for_person(ada)
    handoff = (await waiting(anne, conversation))["id"]
    async with listening(ada, f"/api/v1/conversations/{conversation}/events") as live:
        assert (await live.next())["data"] == {"handoff_id": handoff, "state": "queued"}
        await act(anne, handoff, "claim")
        assert (await live.next())["data"] == {"handoff_id": handoff, "state": "human"}
        await ask(ada, "hello?", conversation_id=conversation)
        sent = await act(anne, handoff, "reply", {"text": "I mailed ada@example.com"})
        message = await live.next()
        assert message["event"] == "message"
        assert message["data"]["id"] == sent.json()["message_id"]
        assert (message["data"]["role"], message["data"]["text"]) == ("agent", "I mailed ada@example.com")
        await act(anne, handoff, "close")
        assert (await live.next())["data"]["state"] == "closed"
        assert "I am here again" in (await live.next())["data"]["text"]
    async with listening(ada, f"/api/v1/conversations/{conversation}/events", last=message["id"]) as resumed:
        assert (await resumed.next())["data"]["state"] == "closed"


async def test_nobody_listens_to_another_customers_conversation(
    ada: httpx.AsyncClient, grace: httpx.AsyncClient, anne: httpx.AsyncClient
) -> None:
    conversation = await ask_for_person(ada)
    foreign, unknown = [
        await grace.get(f"/api/v1/conversations/{chosen}/events") for chosen in (conversation, str(uuid4()))
    ]
    assert foreign.status_code == unknown.status_code == 404
    assert same_body(foreign, unknown)
    own = await ask_for_person(grace)
    async with listening(grace, f"/api/v1/conversations/{own}/events") as live:
        assert (await live.next())["data"]["state"] == "queued"
        await act(anne, (await waiting(anne, conversation))["id"], "claim")
        with pytest.raises(TimeoutError):
            await live.next(1.5)


async def test_the_turn_tells_that_it_was_handed_over(
    ada: httpx.AsyncClient, anne: httpx.AsyncClient
) -> None:
    events = await read_events(ada, {"message": "let me talk to a person"})
    [handed] = [event["data"] for event in events if event["event"] == "handoff"]
    conversation = events[0]["data"]["conversation_id"]
    assert handed == {"handoff_id": (await waiting(anne, conversation))["id"], "state": "queued"}
