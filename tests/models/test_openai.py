"""The OpenAI-wire provider when all goes well, as our model and as LangChain's."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.messages import AIMessageChunk
from langchain_openai import ChatOpenAI
from langchain_openai.chat_models import base as langchain_base
from pydantic import SecretStr

from desk.domain import Usage
from desk.models.catalog import ModelSpec
from desk.models.openai import GuardedChatOpenAI, open_openai
from desk.models.port import Finished, ModelEvent, ModelRequest, TextDelta, ToolCall, ToolCallDelta
from tests.servers.openai_wire import Wire, call, openai_wire, say

SPEC = ModelSpec("gpt-test", "openai", True, 4096, usd_per_million_in=1.0, usd_per_million_out=10.0)
TOOL = {"type": "function", "function": {"name": "order_status", "parameters": {"type": "object"}}}
QUESTION = ModelRequest(
    (
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Where is 100234? ✓"},
    ),
    max_tokens=77,
)


def nothing(_body: bytes) -> None:
    """A guard that has no objection."""


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with openai_wire() as running:
        yield running


async def open_model(wire: Wire, spec: ModelSpec = SPEC) -> GuardedChatOpenAI:
    key = SecretStr("sk-1")
    return await asyncio.to_thread(open_openai, spec, api_key=key, base_url=wire.base_url, guard=nothing)


async def collect(model: GuardedChatOpenAI, request: ModelRequest = QUESTION) -> list[ModelEvent]:
    async with aclosing(model.stream_request(request, guard=nothing)) as events:
        found = [event async for event in events]
    await model.aclose()
    return found


async def test_text_streams_and_ends_with_the_whole_answer_and_its_cost(wire: Wire) -> None:
    wire.script([say("It ", "is ", "shipped.", usage=(1000, 200))])
    events = await collect(await open_model(wire))
    assert "".join(event.text for event in events[:-1] if isinstance(event, TextDelta)) == "It is shipped."
    assert events[-1] == Finished("It is shipped.", (), Usage(1000, 200, 0.003), "gpt-test")


async def test_tool_calls_arrive_in_pieces_and_whole(wire: Wire) -> None:
    calls = [call("order_status", "call_1", order_id="100234"), call("faq_search", "call_2", query="é")]
    wire.script([say(calls=calls)])
    events = await collect(await open_model(wire))
    assert [event.index for event in events if isinstance(event, ToolCallDelta)] == [0, 0, 0, 1, 1, 1]
    last = events[-1]
    assert isinstance(last, Finished)
    assert last.tool_calls == (
        ToolCall("call_1", "order_status", '{"order_id":"100234"}'),
        ToolCall("call_2", "faq_search", '{"query":"é"}'),
    )
    assert last.finish_reason == "tool_calls"


async def test_the_request_carries_messages_tools_limits_and_key(wire: Wire) -> None:
    request = ModelRequest(QUESTION.messages, (TOOL,), max_tokens=77, temperature=0.5)
    await collect(await open_model(wire), request)
    (seen,) = wire.requests
    assert seen.path == "/v1/chat/completions"
    assert seen.headers["authorization"] == "Bearer sk-1"
    assert seen.json == {
        "model": "gpt-test",
        "messages": list(QUESTION.messages),
        "tools": [TOOL],
        "max_completion_tokens": 77,
        "temperature": 0.5,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def test_a_reasoning_model_gets_an_effort_and_no_temperature(wire: Wire) -> None:
    spec = ModelSpec("gpt-5-mini", "openai", True, 4096, reasoning_effort="minimal")
    await collect(await open_model(wire, spec))
    assert wire.requests[0].json["reasoning_effort"] == "minimal"
    assert "temperature" not in wire.requests[0].json


async def test_a_server_of_ones_own_gets_the_old_limit_too(wire: Wire) -> None:
    await collect(await open_model(wire, ModelSpec("m", "openai", external=False, context_window=4096)))
    assert wire.requests[0].json["max_tokens"] == wire.requests[0].json["max_completion_tokens"] == 77


async def test_connections_are_used_again(wire: Wire) -> None:
    model = await open_model(wire)
    for _ in range(4):
        async with aclosing(model.stream_request(QUESTION, guard=nothing)) as events:
            assert [event async for event in events]
    assert len(wire.requests) == 4
    assert wire.connections == 1
    await model.aclose()


class Tokens(AsyncCallbackHandler):
    """Notes what LangChain announces."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def on_llm_new_token(self, token: Any, **_kwargs: Any) -> None:
        """One token."""
        self.seen.append(token)


async def test_as_a_langchain_model_it_streams_as_the_stock_one_does(wire: Wire) -> None:
    wire.script([say("It ", "is.", calls=[call("order_status", order_id="1")], usage=(9, 4))])
    ours = await open_model(wire)
    stock = ChatOpenAI(model="gpt-test", api_key=SecretStr("x"), base_url=wire.base_url, stream_usage=True)

    async def answer(model: ChatOpenAI) -> tuple[AIMessageChunk, list[str]]:
        tokens = Tokens()
        whole = AIMessageChunk(content="")
        async for chunk in model.bind_tools([TOOL]).astream("hi", config={"callbacks": [tokens]}):
            whole += chunk  # type: ignore[assignment]
        return whole, tokens.seen

    (mine, my_tokens), (theirs, their_tokens) = await answer(ours), await answer(stock)
    assert mine.content == theirs.content == "It is."
    assert mine.tool_calls == theirs.tool_calls
    assert mine.usage_metadata == theirs.usage_metadata
    assert mine.response_metadata == theirs.response_metadata
    assert my_tokens == their_tokens
    await ours.aclose()


async def test_as_a_langchain_model_it_invokes_and_gives_structured_output(wire: Wire) -> None:
    wire.script([say("It is."), say('{"city": "Ulm"}')])
    model = await open_model(wire)
    assert (await model.ainvoke("hi")).content == "It is."
    schema = {"title": "Place", "type": "object", "properties": {"city": {"type": "string"}}}
    found = await model.with_structured_output(schema, method="json_mode").ainvoke("where? as json")
    assert found == {"city": "Ulm"}
    await model.aclose()


def test_the_private_names_we_stand_on_are_there() -> None:
    parameters = {
        "_get_request_payload": ["self", "input_", "stop", "kwargs"],
        "_should_stream_usage": ["self", "stream_usage", "kwargs"],
        "_convert_chunk_to_generation_chunk": [
            "self",
            "chunk",
            "default_chunk_class",
            "base_generation_info",
        ],
    }
    for name, expected in parameters.items():
        assert list(inspect.signature(getattr(ChatOpenAI, name)).parameters) == expected
    assert callable(langchain_base._handle_openai_api_error)
    assert callable(langchain_base._handle_openai_bad_request)


def test_a_copy_without_its_guard_cannot_be_made_by_serialising() -> None:
    assert not GuardedChatOpenAI.is_lc_serializable()
