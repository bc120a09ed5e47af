"""The guard sees the exact bytes of every way out, and nothing leaves without its consent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing

import pytest

from desk.errors import EgressBlocked
from desk.models import egress
from desk.models.catalog import ModelSpec
from desk.models.openai import GuardedChatOpenAI, open_openai
from desk.models.port import Guard, ModelRequest
from tests.servers.openai_wire import Wire, openai_wire

EXTERNAL = ModelSpec("hosted", "openai", external=True, context_window=4096)
LOCAL = ModelSpec("own", "openai", external=False, context_window=4096)
QUESTION = ModelRequest(({"role": "user", "content": "I am Ada, ada@example.com. Grüße ✓"},))
Call = Callable[[GuardedChatOpenAI, Guard], Awaitable[object]]


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with openai_wire() as running:
        yield running


async def open_model(wire: Wire, spec: ModelSpec, guard: Guard | None = None) -> GuardedChatOpenAI:
    return await asyncio.to_thread(open_openai, spec, api_key=None, base_url=wire.base_url, guard=guard)


async def by_port(model: GuardedChatOpenAI, guard: Guard) -> object:
    async with aclosing(model.stream_request(QUESTION, guard=guard)) as events:
        return [event async for event in events]


async def by_astream(model: GuardedChatOpenAI, _guard: Guard) -> object:
    return [chunk async for chunk in model.astream("ada@example.com")]


async def by_ainvoke(model: GuardedChatOpenAI, _guard: Guard) -> object:
    return await model.ainvoke("ada@example.com")


async def by_responses_api(model: GuardedChatOpenAI, _guard: Guard) -> object:
    model.use_responses_api = True
    return await model.ainvoke("ada@example.com")


async def by_structured_output(model: GuardedChatOpenAI, _guard: Guard) -> object:
    model = model.model_copy()
    schema = {"title": "Mail", "type": "object", "properties": {"mail": {"type": "string"}}}
    return [part async for part in model.with_structured_output(schema).astream("ada@example.com")]


WAYS = [by_port, by_astream, by_ainvoke, by_responses_api, by_structured_output]


def object_to_mail(body: bytes) -> None:
    """Finds an address."""
    if b"ada@example.com" in body:
        raise EgressBlocked


def break_down(_body: bytes) -> None:
    """A guard with a fault."""
    raise RuntimeError("pattern table is gone")


@pytest.mark.parametrize("guard", [object_to_mail, break_down])
@pytest.mark.parametrize("way", WAYS)
async def test_an_objection_or_a_fault_of_the_guard_stops_every_way_out(
    wire: Wire, way: Call, guard: Guard
) -> None:
    model = await open_model(wire, EXTERNAL, guard)
    with pytest.raises(EgressBlocked):
        await way(model, guard)
    assert wire.requests == []
    await model.aclose()


@pytest.mark.parametrize("way", WAYS[1:])
async def test_without_a_guard_langchains_calls_send_nothing_out(wire: Wire, way: Call) -> None:
    model = await open_model(wire, EXTERNAL)
    with pytest.raises(EgressBlocked):
        await way(model, break_down)
    assert wire.requests == []
    await model.aclose()


async def test_blocking_calls_are_guarded_too(wire: Wire) -> None:
    model = await open_model(wire, EXTERNAL, object_to_mail)
    with pytest.raises(Exception, match=r"(?i)connection|safely"):
        model.invoke("ada@example.com")
    assert wire.requests == []
    await model.aclose()


async def test_the_guard_sees_the_bytes_that_are_sent(wire: Wire) -> None:
    bodies: list[bytes] = []
    model = await open_model(wire, EXTERNAL, bodies.append)
    await by_port(model, bodies.append)
    await by_astream(model, bodies.append)
    await by_ainvoke(model, bodies.append)
    assert bodies == [seen.body for seen in wire.requests]
    assert "Grüße ✓".encode() in bodies[0]
    await model.aclose()


async def test_a_guard_that_takes_too_long_stops_the_request(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(egress, "GUARD_SECONDS", 0.05)
    model = await open_model(wire, EXTERNAL)
    with pytest.raises(EgressBlocked):
        await by_port(model, lambda _body: time.sleep(0.3))
    assert wire.requests == []
    await model.aclose()


async def test_a_local_model_is_not_guarded(wire: Wire) -> None:
    model = await open_model(wire, LOCAL)
    await by_port(model, break_down)
    await by_ainvoke(model, break_down)
    assert len(wire.requests) == 2
    await model.aclose()
