"""The same straight chain of trivial nodes twice: for our turn, and for the stock checkpointer."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NotRequired

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.runtime import Runtime
from pydantic import SecretStr

from desk.domain import Answer
from graphs.flow import Flow
from graphs.state import Line, TurnContext, TurnState
from graphs.steps import Node, step


class ChainState(MessagesState):
    """The stock state: the messages, and one field that every node changes."""

    summary: NotRequired[str]


def our_chain(nodes: int, answer: str) -> Flow:
    """Nodes as the support graph has them, steps and all, run as it is; the last one answers."""
    graph = StateGraph(TurnState, context_schema=TurnContext)
    for place in range(nodes):
        node: Any = step(_our_node(place, nodes, answer))
        graph.add_node(f"node_{place}", node)
    return Flow(_connected(graph, nodes))


def stock_chain(nodes: int, answer: str) -> StateGraph[Any, Any, Any, Any]:
    """The same with LangChain messages in the state; not yet compiled."""
    graph = StateGraph(ChainState)
    for place in range(nodes):
        graph.add_node(f"node_{place}", _stock_node(place, nodes, answer))
    return _connected(graph, nodes)


def stock_model_chain(nodes: int, model_url: str) -> StateGraph[Any, Any, Any, Any]:
    """The same, with a last node that asks a model on the OpenAI wire at `model_url`."""
    from langchain_openai import ChatOpenAI

    model = ChatOpenAI(model="stock", base_url=model_url, api_key=SecretStr("none"), stream_usage=True)

    async def ask(state: ChainState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph = StateGraph(ChainState)
    for place in range(nodes - 1):
        graph.add_node(f"node_{place}", _stock_node(place, nodes, ""))
    graph.add_node(f"node_{nodes - 1}", ask)
    return _connected(graph, nodes)


def _connected(graph: StateGraph[Any, Any, Any, Any], nodes: int) -> StateGraph[Any, Any, Any, Any]:
    names = [START, *(f"node_{place}" for place in range(nodes)), END]
    for before, after in pairwise(names):
        graph.add_edge(before, after)
    return graph


def _our_node(place: int, nodes: int, answer: str) -> Node:
    async def node(_state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
        update: TurnState = {"summary": f"node {place}"}
        lines: list[Line] = []
        if place == 0:
            update["text"] = runtime.context.text
            lines.append({"role": "user", "text": runtime.context.text})
        if place == nodes - 1:
            update["answer"] = Answer(answer, "en", "fallback")
            lines.append({"role": "assistant", "text": answer})
        return {**update, "window": lines} if lines else update

    node.__name__ = f"node_{place}"
    return node


def _stock_node(place: int, nodes: int, answer: str) -> Any:
    async def node(_state: ChainState) -> dict[str, Any]:
        update: dict[str, Any] = {"summary": f"node {place}"}
        if place == nodes - 1:
            update["messages"] = [AIMessage(answer)]
        return update

    return node
