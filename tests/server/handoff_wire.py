"""How tests of handoffs speak to the application: ask for a person, act as an agent, read what comes live."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from server.issuer import Issuer
from tests.server.conftest import bearer
from tests.server.wire import ask


async def ask_for_person(client: httpx.AsyncClient, **body: Any) -> str:
    """The conversation of a customer who now waits for a person."""
    reply = await ask(client, "let me talk to a person", **body)
    assert reply["reply"]["route"] == "handoff"
    conversation: str = reply["conversation_id"]
    return conversation


async def waiting(agent: httpx.AsyncClient, conversation: str, state: str = "open") -> dict[str, Any]:
    """The conversation's entry in the queue."""
    response = await agent.get("/api/v1/handoffs", params={"state": state, "limit": 200})
    assert response.status_code == 200, response.text
    [found] = [entry for entry in response.json()["handoffs"] if entry["conversation_id"] == conversation]
    entry: dict[str, Any] = found
    return entry


async def act(
    agent: httpx.AsyncClient, handoff: str, what: str, body: Any = None, **headers: str
) -> httpx.Response:
    """The answer to one act of an agent."""
    return await agent.post(f"/api/v1/handoffs/{handoff}/{what}", json=body, headers=headers)


async def said(client: httpx.AsyncClient, conversation: str) -> list[tuple[str, str]]:
    """Role and text of every message, as the customer reads them."""
    response = await client.get("/api/v1/chat/history", params={"conversation_id": conversation})
    return [(message["role"], message["text"]) for message in response.json()["messages"]]


@dataclass
class Live:
    """An open event stream."""

    lines: AsyncIterator[str]

    async def next(self, seconds: float = 5.0) -> dict[str, Any]:
        """The next event as `{id, event, data}`; comments are passed over."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(seconds):
            async for line in self.lines:
                if not line and fields:
                    return {**fields, "id": int(fields["id"]), "data": json.loads(fields["data"])}
                name, colon, value = line.partition(": ")
                if name and colon:
                    fields[name] = value
        raise AssertionError("the stream ended")


@asynccontextmanager
async def listening(client: httpx.AsyncClient, path: str, last: int | None = None) -> AsyncIterator[Live]:
    """The stream, open and reading; leaving the context closes it."""
    headers = {} if last is None else {"last-event-id": str(last)}
    async with client.stream("GET", path, headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = response.aiter_lines()
        assert await anext(lines) == ": open"
        yield Live(lines)


@asynccontextmanager
async def somebody(
    base_url: str, issuer: Issuer, email: str, role: str, tenant: str = "bookshop"
) -> AsyncIterator[httpx.AsyncClient]:
    """A client signed in as this person."""
    headers = bearer(issuer, email, role=role, tenant=tenant)
    async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=20) as client:
        yield client
