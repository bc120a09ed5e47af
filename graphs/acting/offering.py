"""Offering: an action is checked, named and put before the customer, who alone can have it done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from desk.domain import Action, new_id
from desk.errors import ToolUnavailable
from desk.tooling import Spoken, Tool, ToolResult
from graphs.acting.execution import arguments_of
from graphs.acting.toolbox import tool_context
from graphs.state import Offer, TurnContext, TurnState
from prompts.replies import phrase

OPEN_FOR = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an action is not offered; `result` speaks it."""

    result: ToolResult


async def offer(
    tool: Tool[Any], given: dict[str, Any], state: TurnState, context: TurnContext, *, proofs: bool
) -> Action | Refusal:
    """The action, if these arguments (with pseudonyms) fit and this customer may have it done.

    `proofs` counts what the customer wrote as a proof of ownership: only for arguments that are their own.
    """
    assert tool.writing is not None
    arguments = arguments_of(tool, given, context.vault)
    if arguments is None:
        return Refusal(ToolResult("The arguments do not fit the tool's schema.", ok=False))
    try:
        checked = await tool.writing.check(arguments, tool_context(context, proofs=proofs))
    except ToolUnavailable as error:
        return Refusal(ToolResult(error.detail, ok=False, spoken=Spoken("action_unavailable")))
    if not checked.ok or checked.spoken is None:
        return Refusal(checked)
    return Action(
        id=str(new_id()),
        label=phrase(checked.spoken.key, state["language"], **checked.spoken.values),
        tool=tool.name,
        arguments=given,
        expires_at=(context.now + OPEN_FOR).isoformat(timespec="seconds"),
    )


def open_offers(state: TurnState, now: datetime) -> list[Offer]:
    """What the customer may still say yes to."""
    return [
        offered for offered in state.get("offers", []) if datetime.fromisoformat(offered["expires_at"]) > now
    ]
