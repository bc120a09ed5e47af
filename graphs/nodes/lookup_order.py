"""lookup_order: the state of an order, asked of the shop, shown only to its owner or after proof."""

from __future__ import annotations

from langgraph.runtime import Runtime

from desk.domain import Answer
from desk.errors import ToolUnavailable
from desk.events import Degraded, ToolUsed
from desk.tooling import ToolResult
from graphs.answering import answered, say
from graphs.nodes.handoff import ask_for_person
from graphs.state import TurnContext, TurnState
from graphs.toolbox import tool_context
from prompts.replies import spoken_language, suggestions
from tools import order_status
from tools.order_status import OrderStatusArguments

MOST_ORDERS = 3
# After so many wrong proofs a person takes over, so that postcodes cannot be tried out.
MOST_PROOFS = 5


async def lookup_order(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """Answer for the orders that were named; ask for a number or a proof where one is missing."""
    context, topic = runtime.context, state.get("topic", {})
    order_ids = topic.get("order_ids", [])[:MOST_ORDERS]
    if not order_ids:
        ask = say(state, "order_ask_number", "order", intent="order_status")
        return answered(state, ask, waiting_for="order_number")
    tried = topic.get("proofs_tried", 0)
    if tried >= MOST_PROOFS:
        return ask_for_person(state, context, "order_proof")
    try:
        found = [await _look_up(order_id, context) for order_id in order_ids]
    except ToolUnavailable:
        context.emit(ToolUsed("order_status", "failed"))
        context.emit(Degraded("order service", "an honest answer"))
        return answered(state, say(state, "order_unavailable", "order", intent="order_status"))
    return _reply(state, order_ids, found, tried)


async def _look_up(order_id: str, context: TurnContext) -> ToolResult:
    context.emit(ToolUsed("order_status", "started"))
    result = await order_status.run(
        OrderStatusArguments(order_id=order_id), tool_context(context, proofs=True)
    )
    context.emit(ToolUsed("order_status", "ended"))
    return result


def _reply(state: TurnState, order_ids: list[str], found: list[ToolResult], tried: int) -> TurnState:
    language = state["language"]
    missing = [order_id for order_id, result in zip(order_ids, found, strict=True) if not result.ok]
    known = [order_status.order_reply(result.data["order"], language) for result in found if result.ok]
    unknown = [say(state, "order_not_found", "order", id=order_id).text for order_id in missing]
    answer = Answer(
        "\n".join(known + unknown),
        spoken_language(language),
        "order",
        "order_status",
        state["decision"].confidence,
        suggestions=suggestions("order_not_found", language) if missing else (),
    )
    waiting = "order_proof" if missing else None
    return answered(
        state,
        answer,
        waiting_for=waiting,
        order_ids=missing or order_ids,
        proofs_tried=tried + 1 if missing else 0,
    )
