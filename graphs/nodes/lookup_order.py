"""lookup_order: the state of an order, asked of the shop, shown only to its owner or after proof."""

from __future__ import annotations

import asyncio

from langgraph.runtime import Runtime

from desk.domain import Answer
from desk.errors import ToolUnavailable
from desk.events import Degraded, ToolUsed
from desk.tooling import ToolResult
from graphs.acting.toolbox import tool_context
from graphs.answering import answered, say
from graphs.hearing.orders_meant import orders_meant
from graphs.nodes.handoff import ask_for_person
from graphs.state import TurnContext, TurnState
from prompts.replies import spoken_language, suggestions
from tools import order_status
from tools.order_status import OrderStatusArguments
from tools.orders import Order

MOST_ORDERS = 5
# After so many wrong proofs a person takes over, so that postcodes cannot be tried out.
MOST_PROOFS = 5


async def lookup_order(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """Answer for the orders that were named; ask for a number or a proof where one is missing."""
    context = runtime.context
    tried = state.get("topic", {}).get("proofs_tried", 0)
    if tried >= MOST_PROOFS:
        return ask_for_person(state, context, "order_proof")
    try:
        meant = await orders_meant(state, context)
        looked_up = [_look_up(order_id, context) for order_id in meant.numbers[:MOST_ORDERS]]
        found = await asyncio.gather(*looked_up)
    except ToolUnavailable:
        context.emit(ToolUsed("order_status", "failed"))
        context.emit(Degraded("order service", "an honest answer"))
        return answered(state, say(state, "order_unavailable", "order", intent="order_status"))
    if meant.orders:
        return _own(state, meant.orders)
    if not meant.numbers:
        return _ask(state, meant.recent)
    return _reply(state, meant.numbers, found, tried)


async def _look_up(order_id: str, context: TurnContext) -> ToolResult:
    context.emit(ToolUsed("order_status", "started"))
    result = await order_status.run(
        OrderStatusArguments(order_id=order_id), tool_context(context, proofs=True)
    )
    context.emit(ToolUsed("order_status", "ended"))
    return result


def _ask(state: TurnState, recent: tuple[Order, ...]) -> TurnState:
    """Ask which order, with the last ones if the customer has no order of the day they said."""
    if recent:
        shown = ", ".join(
            f"{order.id} ({order.placed_on})" if order.placed_on else order.id for order in recent
        )
        ask = say(state, "order_none_then", "order", intent="order_status", orders=shown)
    else:
        ask = say(state, "order_ask_number", "order", intent="order_status")
    return answered(state, ask, waiting_for="order_number", order_ids=[])


def _own(state: TurnState, orders: tuple[Order, ...]) -> TurnState:
    """The customer's own orders of a day."""
    shown = orders[:MOST_ORDERS]
    told = [order_status.order_reply(order.facts(), state["language"]) for order in shown]
    return _tell(
        state, told, cut=len(shown) < len(orders), order_ids=[order.id for order in shown], proofs_tried=0
    )


def _reply(state: TurnState, numbers: tuple[str, ...], found: list[ToolResult], tried: int) -> TurnState:
    asked = numbers[:MOST_ORDERS]
    missing = [order_id for order_id, result in zip(asked, found, strict=True) if not result.ok]
    told = [
        order_status.order_reply(result.data["order"], state["language"]) for result in found if result.ok
    ]
    told += [say(state, "order_not_found", "order", id=order_id).text for order_id in missing]
    return _tell(
        state,
        told,
        cut=len(numbers) > len(asked),
        waiting_for="order_proof" if missing else None,
        order_ids=missing or list(asked),
        proofs_tried=tried + 1 if missing else 0,
    )


def _tell(state: TurnState, told: list[str], *, cut: bool, **topic: object) -> TurnState:
    language = state["language"]
    if cut:
        told = [*told, say(state, "order_too_many", "order", count=str(MOST_ORDERS)).text]
    answer = Answer(
        "\n".join(told),
        spoken_language(language),
        "order",
        "order_status",
        state["decision"].confidence,
        suggestions=suggestions("order_not_found", language) if topic.get("waiting_for") else (),
    )
    return answered(state, answer, **topic)
