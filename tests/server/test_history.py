"""What the history holds of an answer: its sources, and of the last one what may still be tapped."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from graphs.acting import offering
from server.issuer import Issuer
from tests.server.conftest import bearer
from tests.server.wire import ask

POINTS = "What are loyalty points worth?"
NONSENSE = "asdkjh qwe"
RETURN = "I want to return order 100234"


async def _read(client: httpx.AsyncClient, conversation: str, **params: Any) -> list[dict[str, Any]]:
    params |= {"conversation_id": conversation}
    response = await client.get("/api/v1/chat/history", params=params)
    messages: list[dict[str, Any]] = response.json()["messages"]
    return messages


async def test_every_answer_keeps_its_sources(ada: httpx.AsyncClient) -> None:
    answer = await ask(ada, POINTS)
    conversation = answer["conversation_id"]
    await ask(ada, "hi", conversation_id=conversation)
    sources = answer["reply"]["citations"]
    assert sources
    messages = await _read(ada, conversation)
    assert [message["citations"] for message in messages] == [[], sources, [], []]


async def test_only_the_last_answer_can_be_tapped(ada: httpx.AsyncClient) -> None:
    first = await ask(ada, NONSENSE)
    conversation = first["conversation_id"]
    assert (await _read(ada, conversation))[1]["suggestions"] == first["reply"]["suggestions"] != []
    second = await ask(ada, NONSENSE, conversation_id=conversation)
    taps = [message["suggestions"] for message in await _read(ada, conversation)]
    assert taps == [[], [], [], second["reply"]["suggestions"]]
    assert (await _read(ada, conversation, limit=2))[1]["suggestions"] == [], (
        "the last of a page is not the last"
    )


async def test_the_last_answer_of_each_conversation_can_be_tapped(
    anyone: httpx.AsyncClient, issuer: Issuer
) -> None:
    # Somebody with no other conversations, who would fill the page.
    anyone.headers.update(bearer(issuer, f"{uuid4().hex}@example.com"))
    told = [await ask(anyone, NONSENSE) for _ in range(2)]
    messages = (await anyone.get("/api/v1/chat/history")).json()["messages"]
    taps = {
        message["turn_id"]: message["suggestions"] for message in messages if message["role"] == "assistant"
    }
    assert taps == {one["turn_id"]: one["reply"]["suggestions"] for one in told}


async def test_an_offer_is_there_while_it_is_open_and_can_be_confirmed(ada: httpx.AsyncClient) -> None:
    offered = await ask(ada, RETURN)
    conversation = offered["conversation_id"]
    [action] = offered["reply"]["actions"]
    assert (await _read(ada, conversation))[-1]["actions"] == [action]
    body = {"confirm": action["id"], "conversation_id": conversation}
    confirmed = await ada.post("/api/v1/chat/", json=body)
    assert "Your return is open" in confirmed.json()["reply"]["text"]
    assert [message["actions"] for message in await _read(ada, conversation)] == [[], [], [], []]


async def test_an_offer_that_was_withdrawn_or_ran_out_is_not_there(
    ada: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    withdrawn = await ask(ada, RETURN)
    await ask(ada, "hi", conversation_id=withdrawn["conversation_id"])
    assert all(not message["actions"] for message in await _read(ada, withdrawn["conversation_id"]))
    monkeypatch.setattr(offering, "OPEN_FOR", timedelta(seconds=-1))
    expired = await ask(ada, RETURN)
    assert expired["reply"]["actions"]
    assert (await _read(ada, expired["conversation_id"]))[-1]["actions"] == []


async def test_what_an_offer_holds_of_a_person_comes_back_to_them(ada: httpx.AsyncClient) -> None:
    offered = await ask(ada, "please pass this message on to your team: call me at +49 30 901820 tomorrow")
    [action] = offered["reply"]["actions"]
    assert "+49 30 901820" in str(action["arguments"])
    assert (await _read(ada, offered["conversation_id"]))[-1]["actions"] == [action]


async def test_the_conversations_own_messages_are_the_same(ada: httpx.AsyncClient) -> None:
    conversation = (await ask(ada, POINTS))["conversation_id"]
    under = (await ada.get(f"/api/v1/conversations/{conversation}/messages")).json()["messages"]
    assert under == await _read(ada, conversation)
