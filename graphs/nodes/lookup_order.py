"""lookup_order: the state of an order, asked of the shop, shown only to its owner or after proof."""

from __future__ import annotations

import asyncio

from langgraph.runtime import Runtime

from desk.domain import Answer, Route
from desk.errors import ToolUnavailable
from desk.events import Degraded, ToolUsed
from desk.tooling import ToolResult
from graphs.acting.toolbox import tool_context
from graphs.answering import answered, say
from graphs.hearing.orders_meant import MOST_RECENT, Meant, orders_meant
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
    """Answer for the orders that are meant; ask for a number or a proof where one is missing."""
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
    if not (meant.orders or meant.own or meant.numbers):
        return ask_which(state, meant, "order", state["decision"].intent)
    beside = await _said_beside(state, context)
    if meant.numbers:
        return _reply(state, beside, meant.numbers, found, tried)
    for state_of_tool in ("started", "ended"):  # the shop was asked for them all at once
        context.emit(ToolUsed("order_status", state_of_tool))
    orders = meant.orders or _expected(meant.own)
    return _own(state, beside, orders, others=len(orders) < len(meant.own))


async def _said_beside(state: TurnState, context: TurnContext) -> list[str]:
    """What the shop says to what is asked beside the state of an order, such as how it is cancelled."""
    understanding = await context.services.understandings.of(context.tenant, context.prompts)
    intent = understanding.pack.find(state["decision"].intent or "")
    return [intent.reply_in(state["language"])[0]] if intent and intent.route == "canned" else []


def _expected(own: tuple[Order, ...]) -> tuple[Order, ...]:
    """Who asks for "my order" means what has not come yet, else the last one."""
    return tuple(order for order in own if not order.is_over) or own[:1]


async def _look_up(order_id: str, context: TurnContext) -> ToolResult:
    context.emit(ToolUsed("order_status", "started"))
    result = await order_status.run(
        OrderStatusArguments(order_id=order_id), tool_context(context, proofs=True)
    )
    context.emit(ToolUsed("order_status", "ended"))
    return result


def ask_which(state: TurnState, meant: Meant, route: Route, intent: str | None) -> TurnState:
    """Ask for an order's number, with the customer's last ones where we know them."""
    orders = (meant.orders or meant.recent or meant.own)[:MOST_RECENT]
    if orders:
        shown = ", ".join(
            f"{order.id} ({order.placed_on})" if order.placed_on else order.id for order in orders
        )
        key = "order_none_then" if meant.recent else "order_which"
        ask = say(state, key, route, intent=intent, orders=shown)
    else:
        ask = say(state, "order_ask_number", route, intent=intent)
    return answered(state, ask, waiting_for="order_number", order_ids=[])


def _own(state: TurnState, beside: list[str], orders: tuple[Order, ...], *, others: bool) -> TurnState:
    """The customer's own orders, as the issuer vouches for them; for `others` they are to ask."""
    shown = orders[:MOST_ORDERS]
    told = [*beside, *(order_status.order_reply(order.facts(), state["language"]) for order in shown)]
    if others:
        told.append(say(state, "order_others", "order").text)
    known = {"order_ids": [order.id for order in shown], "proofs_tried": 0}
    asks = {"waiting_for": "order_number"} if others else {}
    return _tell(state, told, cut=len(shown) < len(orders), **known, **asks)


def _reply(
    state: TurnState, beside: list[str], numbers: tuple[str, ...], found: list[ToolResult], tried: int
) -> TurnState:
    asked = numbers[:MOST_ORDERS]
    missing = [order_id for order_id, result in zip(asked, found, strict=True) if not result.ok]
    ours = [result.data["order"] for result in found if result.ok]
    told = [*beside, *(order_status.order_reply(order, state["language"]) for order in ours)]
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
    language, decision = state["language"], state["decision"]
    asks_proof = topic.get("waiting_for") == "order_proof"
    if cut:
        told = [*told, say(state, "order_too_many", "order", count=str(MOST_ORDERS)).text]
    answer = Answer(
        "\n".join(told),
        spoken_language(language),
        "order",
        decision.intent,
        decision.confidence,
        suggestions=suggestions("order_not_found", language) if asks_proof else (),
    )
    return answered(state, answer, **topic)
