"""The model path through the real application: SSE, JSON and LangServe, with a local model server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from desk.settings import Settings
from server.app import create_app
from server.issuer import load_issuer
from tests.graphs.conversing import POINTS, POINTS_ANSWER
from tests.server.conftest import bearer, served
from tests.server.wire import ask, read_events
from tests.servers.openai_wire import Wire, call, openai_wire, say


@pytest.fixture(scope="module")
async def wire() -> AsyncIterator[Wire]:
    async with openai_wire() as running:
        yield running


@pytest.fixture(scope="module")
async def client(demo: Settings, wire: Wire) -> AsyncIterator[httpx.AsyncClient]:
    """Ada, before an application whose model is the local server."""
    settings = demo.model_copy(update={"openai_base_url": wire.base_url})
    async with served(create_app(settings)) as url:
        headers = bearer(load_issuer(settings), "ada@example.com")
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
            yield client


async def test_the_stream_and_the_reply_agree(client: httpx.AsyncClient, wire: Wire) -> None:
    wire.script([say("Gladly! ", "100 ", "points ", "are ", "worth ", "$5.", usage=(321, 12))])
    events = await read_events(client, {"message": POINTS})
    names = [event["event"] for event in events]
    assert names[0] == "accepted"
    assert names[-1] == "done"
    shown = "".join(event["data"]["text"] for event in events if event["event"] == "token")
    reply = events[-1]["data"]
    assert shown == reply["reply"]["text"] == f"Gladly! {POINTS_ANSWER}"
    assert reply["reply"]["route"] == "model"
    assert reply["usage"] == {"prompt_tokens": 321, "completion_tokens": 12, "cost_usd": 0.0}
    assert reply["prompt"]["version"] >= 1
    cited = [event["data"] for event in events if event["event"] == "citation"]
    assert cited == reply["reply"]["citations"]
    assert cited[0]["source_id"] == "loyalty-points"
    assert (await ask(client, POINTS))["reply"]["text"] == shown


async def test_a_refused_claim_is_taken_back_on_the_wire(client: httpx.AsyncClient, wire: Wire) -> None:
    wire.script([say("Gladly! ", "They ", "are ", "worth ", "$50. ", "Bye.")])
    events = await read_events(client, {"message": POINTS})
    names = [event["event"] for event in events]
    assert "revise" in names
    assert "degraded" in names
    assert "$50" not in str(events)
    shown = ""
    for event in events:
        if event["event"] == "token":
            shown += event["data"]["text"]
        if event["event"] == "revise":
            shown = event["data"]["text"]
    assert shown == events[-1]["data"]["reply"]["text"]
    assert events[-1]["data"]["reply"]["route"] == "faq"


async def test_tools_are_told_on_the_wire(client: httpx.AsyncClient, wire: Wire) -> None:
    wire.script([say(calls=[call("order_status", order_id="100234")]), say("Order 100234 is shipped.")])
    events = await read_events(client, {"message": POINTS})
    told = [event["data"] for event in events if event["event"] == "tool"]
    assert told == [
        {"name": "order_status", "state": "started"},
        {"name": "order_status", "state": "ended"},
    ]
    assert events[-1]["data"]["reply"]["text"] == "Order 100234 is shipped."


async def test_langserve_streams_the_same_text(client: httpx.AsyncClient, wire: Wire) -> None:
    wire.script([say("Gladly! ", POINTS_ANSWER)])
    answer = await client.post("/langserve/support/invoke", json={"input": {"message": POINTS}})
    assert answer.status_code == 200, answer.text
    assert f"Gladly! {POINTS_ANSWER}" in answer.text
