"""The create_ticket tool: leaves a message in the shop's own ticket system, once confirmed."""

from __future__ import annotations

from functools import partial
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from desk.tooling import Spoken, Tool, ToolContext, ToolResult, Writing
from tools import shop_effects
from tools.orders import shop_url
from tools.shop_effects import Effect, Refused

LONGEST_TEXT = 2000


class CreateTicketArguments(BaseModel):
    """What the shop's staff should know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str = Field(
        min_length=1, max_length=LONGEST_TEXT, description="What happened and what the customer wants."
    )


async def run(arguments: CreateTicketArguments, context: ToolContext) -> ToolResult:
    """Open the ticket; raises what `shop_effects.perform` does."""
    body = {"text": arguments.text, "customer": context.principal.email or ""}
    answer = await shop_effects.perform(f"{shop_url(context)}/api/tickets", body, context)
    if isinstance(answer, Refused):
        return ToolResult("The shop took no ticket.", ok=False, spoken=Spoken("ticket_refused"))
    return _opened(answer)


async def check(_arguments: CreateTicketArguments, context: ToolContext) -> ToolResult:
    """Everybody may leave a message; raises ToolUnavailable when the tenant has no shop."""
    shop_url(context)
    return ToolResult("A ticket for the shop's staff", spoken=Spoken("action_create_ticket"))


def _draft(text: str, _order_ids: tuple[str, ...]) -> dict[str, Any] | None:
    return {"text": text[:LONGEST_TEXT]}


def _opened(effect: Effect) -> ToolResult:
    spoken = Spoken("ticket_created", {"number": effect.id})
    return ToolResult(f"Ticket {effect.id} is open.", {"id": effect.id}, spoken=spoken)


TOOL = Tool(
    name="create_ticket",
    description="Offer to open a ticket for the shop's staff. It happens only after the customer has"
    " confirmed it.",
    arguments=CreateTicketArguments,
    run=run,
    writing=Writing(
        route="handoff",
        draft=_draft,
        check=check,
        trace=partial(shop_effects.trace, told=_opened),
        asks="ticket_ask_text",
    ),
)
