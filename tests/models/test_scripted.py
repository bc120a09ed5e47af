"""The scripted model answers as a real one would, from a list or a function."""

from __future__ import annotations

from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.errors import EgressBlocked
from desk.models.catalog import ModelSpec
from desk.models.port import Finished, ModelEvent, ModelRequest, TextDelta, ToolCall, ToolCallDelta
from desk.models.scripted import ScriptedAnswer, ScriptedModel

QUESTION = ModelRequest(({"role": "user", "content": "ada@example.com ✓"},))


def nothing(_body: bytes) -> None:
    """A guard that has no objection."""


async def ask(model: ScriptedModel, request: ModelRequest = QUESTION) -> list[ModelEvent]:
    async with aclosing(model.stream(request, guard=nothing)) as events:
        return [event async for event in events]


@given(st.text())
async def test_the_pieces_add_up_to_the_text(text: str) -> None:
    *deltas, last = await ask(ScriptedModel([text]))
    assert isinstance(last, Finished)
    assert last.text == text == "".join(event.text for event in deltas if isinstance(event, TextDelta))


async def test_a_list_is_used_in_order_and_its_last_repeats() -> None:
    model = ScriptedModel(["one", "two"])
    endings = [(await ask(model))[-1] for _ in range(3)]
    assert [last.text for last in endings if isinstance(last, Finished)] == ["one", "two", "two"]
    assert model.requests == [QUESTION] * 3


async def test_a_function_sees_the_request() -> None:
    model = ScriptedModel(lambda request: str(request.messages[-1]["content"]))
    assert (await ask(model))[0] == TextDelta("ada@example.com ")


async def test_tool_calls() -> None:
    call = ToolCall("c1", "order_status", "{}")
    events = await ask(ScriptedModel([ScriptedAnswer(tool_calls=(call,))]))
    assert events[0] == ToolCallDelta(0, "c1", "order_status", "{}")
    assert isinstance(events[1], Finished)
    assert (events[1].tool_calls, events[1].finish_reason) == ((call,), "tool_calls")


async def test_an_external_spec_is_guarded() -> None:
    def refuse(body: bytes) -> None:
        assert "ada@example.com ✓".encode() in body
        raise EgressBlocked

    model = ScriptedModel(["x"], spec=ModelSpec("far", "scripted", True, 4096))
    with pytest.raises(EgressBlocked):
        await anext(model.stream(QUESTION, guard=refuse))
    assert model.requests == []


def test_an_empty_script_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one"):
        ScriptedModel([])
