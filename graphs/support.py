"""The support graph: its nodes and edges, and nothing else.

screen -> scrub_pii -> route_intent | confirm_action -> END | fallback
route_intent -> canned_reply | lookup_order | recommend_products | offer_action | handoff -> END
             -> retrieve_faqs -> END | call_llm | canned_reply | fallback
call_llm <-> run_tools, call_llm -> verify_answer -> END | fallback

Several wishes are answered one after the other; answer_parts goes on to the next, and joins the answers:
canned_reply | lookup_order | recommend_products | offer_action | retrieve_faqs -> answer_parts
verify_answer -> answer_parts, if the model did not help
answer_parts -> as route_intent | END | retrieve_faqs, for a model | fallback
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from graphs.nodes.answer_parts import answer_parts
from graphs.nodes.call_llm import call_llm
from graphs.nodes.canned_reply import canned_reply
from graphs.nodes.confirm_action import awaits_yes, confirm_action
from graphs.nodes.fallback import fallback
from graphs.nodes.handoff import handoff
from graphs.nodes.lookup_order import lookup_order
from graphs.nodes.offer_action import offer_action
from graphs.nodes.recommend_products import recommend_products
from graphs.nodes.retrieve_faqs import falls_back_on_reply, may_call_model, retrieve_faqs
from graphs.nodes.route_intent import route_intent
from graphs.nodes.run_tools import run_tools
from graphs.nodes.screen import allows_model, refuses, screen
from graphs.nodes.scrub_pii import scrub_pii
from graphs.nodes.verify_answer import verify_answer
from graphs.state import TurnContext, TurnState
from graphs.steps import Node, step

NODES = (
    screen,
    scrub_pii,
    route_intent,
    canned_reply,
    lookup_order,
    recommend_products,
    offer_action,
    confirm_action,
    retrieve_faqs,
    answer_parts,
    call_llm,
    run_tools,
    verify_answer,
    handoff,
    fallback,
)

ROUTES = {
    "canned": "canned_reply",
    "order": "lookup_order",
    "product": "recommend_products",
    "faq": "retrieve_faqs",
    "action": "offer_action",
    "handoff": "handoff",
}


def build_support_graph(
    as_run: Callable[[Node], Node] = step,
) -> StateGraph[TurnState, TurnContext, Any, Any]:
    """The graph, not yet compiled, of nodes `as_run`; `run_turn` brings the checkpointer of each turn."""
    graph = StateGraph(TurnState, context_schema=TurnContext)
    for node in NODES:
        timed: Any = as_run(node)  # the overloads of add_node do not take an alias of a callable
        graph.add_node(node.__name__, timed)
    graph.add_edge(START, "screen")
    graph.add_edge("screen", "scrub_pii")
    graph.add_conditional_edges("scrub_pii", _after_scrub, ["route_intent", "confirm_action", "fallback"])
    graph.add_conditional_edges("route_intent", _by_route, list(ROUTES.values()))
    graph.add_conditional_edges("canned_reply", _or_next_part, ["answer_parts", END])
    graph.add_conditional_edges("lookup_order", _after_order, ["retrieve_faqs", "answer_parts", END])
    graph.add_conditional_edges("recommend_products", _or_next_part, ["answer_parts", END])
    graph.add_conditional_edges("offer_action", _or_next_part, ["answer_parts", END])
    graph.add_edge("confirm_action", END)
    graph.add_conditional_edges(
        "retrieve_faqs", _after_retrieval, ["answer_parts", "call_llm", "canned_reply", "fallback", END]
    )
    graph.add_conditional_edges("answer_parts", _after_parts, [*ROUTES.values(), "fallback", END])
    graph.add_conditional_edges("call_llm", _after_model, ["run_tools", "verify_answer"])
    graph.add_edge("run_tools", "call_llm")
    graph.add_conditional_edges("verify_answer", _after_check, ["answer_parts", "fallback", END])
    graph.add_edge("handoff", END)
    graph.add_edge("fallback", END)
    return graph


# Edges are async because LangGraph runs plain functions in a thread: two hops a turn.
async def _after_scrub(state: TurnState, runtime: Runtime[TurnContext]) -> str:
    if refuses(state):
        return "fallback"
    return "confirm_action" if awaits_yes(state, runtime.context) else "route_intent"


async def _by_route(state: TurnState) -> str:
    route = state["decision"].route
    if route == "action" and not allows_model(state):
        # A message that may be an attack is answered, but has nothing done.
        route = "order" if state.get("topic", {}).get("order_ids") else "faq"
    return ROUTES[route]


async def _or_next_part(state: TurnState) -> str:
    return "answer_parts" if state.get("parts") else END


async def _after_order(state: TurnState) -> str:
    if "answer" in state:
        return END
    parts, told = state.get("parts"), state.get("told")
    return "answer_parts" if parts and told and told[-1].part == parts[0] else "retrieve_faqs"


async def _after_parts(state: TurnState, runtime: Runtime[TurnContext]) -> str:
    if "answer" in state:
        return END
    if state.get("parts"):
        return await _by_route(state)
    may_help = "draft" not in state and may_call_model(state, runtime.context)
    return "retrieve_faqs" if may_help else "fallback"


async def _after_retrieval(state: TurnState, runtime: Runtime[TurnContext]) -> str:
    if "answer" in state:
        return END
    if falls_back_on_reply(state):
        return "canned_reply"
    if state.get("parts"):
        return "answer_parts"
    return "call_llm" if may_call_model(state, runtime.context) else "fallback"


async def _after_model(state: TurnState) -> str:
    return "run_tools" if state["draft"].calls else "verify_answer"


async def _after_check(state: TurnState) -> str:
    if "answer" in state:
        return END
    return "answer_parts" if state.get("told") else "fallback"
