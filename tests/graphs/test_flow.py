"""A flow walks a graph to the very state that LangGraph comes to, and either goes on from the other's."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.channels import LastValueAfterFinish, UntrackedValue
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from desk.domain import ConversationId, SubjectId, TenantId
from desk.privacy.sealing import DataKey
from desk.storage.checkpoint_seals import open_row
from desk.storage.staging import StagedSaver
from desk.storage.threads import thread_id
from graphs.flow import Flow

THREAD = thread_id(TenantId(UUID(int=1)), SubjectId(UUID(int=2)), ConversationId(UUID(int=3)))
KEY = DataKey.new()


def last_three(kept: list[str], added: list[str]) -> list[str]:
    return [*kept, *added][-3:]


@dataclass(frozen=True)
class Said:
    text: str


class Talk(TypedDict, total=False):
    lines: Annotated[list[str], last_three]
    topic: str
    text: Annotated[str, UntrackedValue]
    rounds: Annotated[int, UntrackedValue]


async def hear(state: Talk, runtime: Runtime[Said]) -> Talk:
    return {"text": runtime.context.text, "lines": [f"heard {runtime.context.text}"]}


async def answer(state: Talk, runtime: Runtime[Said]) -> Talk:
    return {"lines": [f"answered {state['text']} after {state.get('topic')}"], "topic": state["text"]}


async def ask_model(state: Talk, runtime: Runtime[Said]) -> Talk:
    return {"rounds": state.get("rounds", 0) + 1}


async def use_tool(state: Talk, runtime: Runtime[Said]) -> Talk:
    return {"lines": [f"tool {state['rounds']}"], "topic": "tools"}


async def by_text(state: Talk) -> str:
    return "ask_model" if state["text"].isdigit() else "answer"


async def until_asked(state: Talk, runtime: Runtime[Said]) -> str:
    return "use_tool" if state["rounds"] < int(runtime.context.text) else "answer"


def talking() -> StateGraph[Any, Any, Any, Any]:
    """`hear` goes on to `answer`, or for a number to as many rounds between `ask_model` and `use_tool`."""
    graph: StateGraph[Any, Any, Any, Any] = StateGraph(Talk, context_schema=Said)
    for node in (hear, answer, ask_model, use_tool):
        graph.add_node(node.__name__, node)
    graph.add_edge(START, "hear")
    graph.add_conditional_edges("hear", by_text, ["answer", "ask_model"])
    graph.add_conditional_edges("ask_model", until_asked, ["use_tool", "answer"])
    graph.add_edge("use_tool", "ask_model")
    graph.add_edge("answer", END)
    return graph


STOCK: Any = talking().compile()
FLOWS = {"walked": Flow(talking()), "apart": Flow(talking(), apart=("ask_model", "use_tool"))}


async def turn(runner: str, text: str, before: Any) -> tuple[dict[str, Any], Any]:
    """The state at the end of a turn, and the sealed row that it leaves for the next one."""
    saver = StagedSaver(THREAD, open_row(before, KEY) if before else None)
    if runner == "stock":
        how: dict[str, Any] = {"configurable": saver.configurable}
        state = await STOCK.ainvoke({"lines": []}, how, context=Said(text), durability="exit")
    else:
        state = await FLOWS[runner].run(saver, Said(text))
    return state, saver.sealed(KEY)


Runs = st.lists(
    st.tuples(st.sampled_from(["stock", "walked", "apart"]), st.sampled_from(["hi", "bye", "1", "2", "4"])),
    min_size=1,
    max_size=6,
)


@given(Runs)
@settings(max_examples=60, deadline=None)
def test_any_turns_by_any_runner_are_those_of_langgraph_alone(runs: list[tuple[str, str]]) -> None:
    async def compare() -> None:
        mixed = stock = None
        for runner, text in runs:
            state, mixed = await turn(runner, text, mixed)
            expected, stock = await turn("stock", text, stock)
            assert state == expected
            found, wanted = (open_row(row, KEY).checkpoint["channel_values"] for row in (mixed, stock))
            assert {key: found[key] for key in ("lines", "topic")} == {
                key: wanted[key] for key in ("lines", "topic")
            }
            assert not found.keys() & {"text", "rounds"}

    asyncio.run(compare())


async def test_langgraph_reads_what_a_walk_left() -> None:
    _, row = await turn("walked", "hi", None)
    saver = StagedSaver(THREAD, open_row(row, KEY))
    snapshot = await STOCK.aget_state({"configurable": saver.configurable})
    assert snapshot.values == {"lines": ["heard hi", "answered hi after None"], "topic": "hi"}
    assert snapshot.next == ()
    assert snapshot.metadata == {"source": "loop", "step": 0, "parents": {}}


async def test_an_update_is_staged_on_the_state_at_the_turns_start() -> None:
    _, row = await turn("walked", "hi", None)
    saver = StagedSaver(THREAD, open_row(row, KEY))
    FLOWS["walked"].stage(saver, {"lines": ["stopped"], "text": "raw"})
    left = open_row(saver.sealed(KEY), KEY) if saver.sealed(KEY) else None  # type: ignore[arg-type]
    assert left is not None
    values = left.checkpoint["channel_values"]
    assert values == {"lines": ["heard hi", "answered hi after None", "stopped"], "topic": "hi"}


def _side_by_side(graph: StateGraph[Any, Any, Any, Any]) -> None:
    graph.add_edge(START, "hear")
    graph.add_edge("hear", "answer")
    graph.add_edge("hear", "ask_model")


def _without_an_end(graph: StateGraph[Any, Any, Any, Any]) -> None:
    graph.add_edge(START, "hear")


def _with_a_plain_function(graph: StateGraph[Any, Any, Any, Any]) -> None:
    graph.add_node("plain", lambda _: {})
    graph.add_edge(START, "plain")


@pytest.mark.parametrize("build", [_side_by_side, _without_an_end, _with_a_plain_function])
def test_a_graph_that_cannot_be_walked_is_refused(build: Any) -> None:
    graph: StateGraph[Any, Any, Any, Any] = StateGraph(Talk, context_schema=Said)
    for node in (hear, answer, ask_model):
        graph.add_node(node.__name__, node)
    build(graph)
    with pytest.raises(ValueError, match="cannot be walked"):
        Flow(graph)


def test_a_channel_that_is_not_known_is_refused() -> None:
    class Odd(TypedDict):
        odd: Annotated[str, LastValueAfterFinish]

    graph: StateGraph[Any, Any, Any, Any] = StateGraph(Odd)
    graph.add_node("hear", hear)
    graph.add_edge(START, "hear")
    graph.add_edge("hear", END)
    with pytest.raises(ValueError, match="LastValueAfterFinish"):
        Flow(graph)
