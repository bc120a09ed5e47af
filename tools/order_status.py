"""The order_status tool: what became of an order, told only to its owner."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from desk.tooling import Tool, ToolContext, ToolResult
from prompts.replies import DEFAULT_LANGUAGE, phrase
from tools.orders import OVER, OrderNumber, find_own_order


class OrderStatusArguments(BaseModel):
    """Which order; whose it is never comes from here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    order_id: OrderNumber


async def run(arguments: OrderStatusArguments, context: ToolContext) -> ToolResult:
    """The order's facts; the same "not found" for an unknown order and for one of somebody else.

    Raises ToolUnavailable when the shop does not answer or answers nonsense.
    """
    order = await find_own_order(arguments.order_id, context)
    if order is None:
        return _not_found(arguments.order_id)
    facts = order.facts()
    return ToolResult(order_reply(facts, DEFAULT_LANGUAGE), {"found": True, "order": facts})


def order_reply(facts: dict[str, Any], language: str) -> str:
    """The facts of `Order.facts()` in sentences of the language; dates stay in ISO form."""
    sentences = [
        phrase("order_status", language, id=facts["id"], status=status_in(facts["status"], language))
    ]
    for key, field in (
        ("order_placed_on", "placed_on"),
        ("order_shipped_on", "shipped_on"),
        ("order_eta", "eta"),
    ):
        if facts[field] and not (field == "eta" and facts["status"] in OVER):
            sentences.append(phrase(key, language, date=facts[field]))
    if facts["carrier"]:
        sentences.append(phrase("order_carrier", language, carrier=facts["carrier"]))
    if facts["items"]:
        lines = ", ".join(f"{item['quantity']} x {item['title']}" for item in facts["items"])
        sentences.append(phrase("order_items", language, items=lines))
    return " ".join(sentences)


def status_in(status: str, language: str) -> str:
    """The status in the language; a status that only this shop knows stays as the shop spells it."""
    known = {"processing", "shipped", "delivered", "cancelled", "returned"}
    return phrase(f"status_{status}", language) if status in known else status


def _not_found(order_id: str) -> ToolResult:
    text = phrase("order_not_found", DEFAULT_LANGUAGE, id=order_id)
    return ToolResult(text, {"found": False, "order_id": order_id}, ok=False)


TOOL = Tool(
    name="order_status",
    description="Look up the status, dates, carrier and items of one of the customer's own orders.",
    arguments=OrderStatusArguments,
    run=run,
)
