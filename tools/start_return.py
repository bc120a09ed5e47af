"""The start_return tool: opens a return for one of the customer's own orders, once they confirmed it."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from desk.tooling import Spoken, Tool, ToolContext, ToolResult, Writing
from prompts.replies import DEFAULT_LANGUAGE, phrase
from tools import shop_effects
from tools.orders import OrderNumber, find_own_order, order_url
from tools.return_policy import why_not
from tools.shop_effects import Effect, Refused


class StartReturnArguments(BaseModel):
    """Which order goes back, and why if the customer said so."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    order_id: OrderNumber
    reason: str = Field(default="", max_length=300, description="Why, in the customer's own words.")


async def run(arguments: StartReturnArguments, context: ToolContext) -> ToolResult:
    """Open the return; raises what `shop_effects.perform` does."""
    url = order_url(arguments.order_id, "returns", context)
    answer = await shop_effects.perform(url, {"reason": arguments.reason}, context)
    if isinstance(answer, Refused):
        spoken = Spoken("return_refused", {"id": arguments.order_id})
        return ToolResult("The shop does not take this order back.", ok=False, spoken=spoken)
    return _opened(answer)


async def check(arguments: StartReturnArguments, context: ToolContext) -> ToolResult:
    """Whether this order is the customer's and can go back; raises ToolUnavailable without the shop."""
    order = await find_own_order(arguments.order_id, context)
    if order is None:
        spoken = Spoken("order_not_found", {"id": arguments.order_id})
        return ToolResult(
            f"Order {arguments.order_id} was not found for this customer.", ok=False, spoken=spoken
        )
    settings = context.tenant.settings
    refusal = why_not(order, settings, datetime.now(ZoneInfo(settings.timezone)).date())
    if refusal is not None:
        return ToolResult(phrase(refusal.key, DEFAULT_LANGUAGE, **refusal.values), ok=False, spoken=refusal)
    return ToolResult(f"A return of order {order.id}", spoken=Spoken("action_start_return", {"id": order.id}))


def _draft(_text: str, order_ids: tuple[str, ...]) -> dict[str, Any] | None:
    return {"order_id": order_ids[0]} if order_ids else None


def _opened(effect: Effect) -> ToolResult:
    spoken = Spoken("return_started", {"number": effect.id})
    return ToolResult(f"Return {effect.id} is open.", {"id": effect.id}, spoken=spoken)


TOOL = Tool(
    name="start_return",
    description="Offer to start a return for one of the customer's own orders. It happens only after the"
    " customer has confirmed it.",
    arguments=StartReturnArguments,
    run=run,
    writing=Writing(
        route="order",
        draft=_draft,
        check=check,
        trace=partial(shop_effects.trace, told=_opened),
    ),
)
