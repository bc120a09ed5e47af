"""Prompting: which prompts a turn is run with, and what its conversation is pinned to."""

from __future__ import annotations

from typing import Any, Final

from graphs.commits.inbox import AcceptedTurn
from graphs.prompting.bundle import bundle_of
from graphs.services import Services
from graphs.state import TurnContext
from prompts.choice import PromptChoice
from prompts.own_intents import INTENTS
from prompts.shelf import pins_of

# The names that the graph asks for; a tenant without intents of its own has those of a file.
NAMES: Final = ("support", INTENTS)


async def choose_prompts(
    services: Services,
    turn: AcceptedTurn,
    context: TurnContext,
    state: dict[str, Any],
    told: PromptChoice | None,
) -> dict[str, Any]:
    """Put prompts and bundle into the context; gives what changes in the conversation's state.

    What the turn is `told` wins, then what the services are; else the labels say it at the first turn, and
    the conversation stays with that.
    """
    shelved = await services.book.shelved(turn.tenant)
    pinned = state.get("pinned", {})
    told = told or services.prompts
    choice = told or shelved.shelf.choose(NAMES, turn.claim.conversation_id, turn.channel, pinned)
    context.prompts = choice
    context.bundle = await bundle_of(services, turn.tenant, choice, shelved.mark)
    pins = pinned if told else pins_of(choice)
    return {} if pins == pinned else {"pinned": pins}
