"""confirm_action: the customer said yes to exactly this, or no; what they said yes to is done once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from langgraph.runtime import Runtime

from desk.domain import Action
from desk.errors import ToolUnreachable
from desk.events import Degraded
from desk.routing.consent import consent
from desk.tooling import Spoken
from graphs.acting.execution import EffectUnknown, perform
from graphs.acting.offering import open_offers
from graphs.answering import answered, say
from graphs.nodes.handoff import ask_for_person
from graphs.state import Offer, TurnContext, TurnState
from prompts.replies import phrase


async def confirm_action(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """Have it done, or leave it; an action that was withdrawn, done or is too old is not done any more."""
    context = runtime.context
    if not context.confirm and consent(context.text) == "no":
        return answered(state, say(state, "action_declined", "canned"))
    chosen = _chosen(state, context)
    tool = context.services.tools_of(context.tenant).get(chosen["tool"]) if chosen else None
    if chosen is None or tool is None or tool.writing is None:
        return answered(state, say(state, "action_gone", "fallback"))
    route = tool.writing.route
    try:
        result = await perform(chosen, tool, context)
    except ToolUnreachable:
        context.emit(Degraded("the shop's service", "the action stays open"))
        answer = say(state, "action_unavailable", route)
        return answered(state, replace(answer, actions=(Action(**chosen),)))
    except EffectUnknown:
        return _park(state, context)
    spoken = result.spoken or Spoken("action_done" if result.ok else "action_unavailable")
    return answered(state, say(state, spoken.key, route, **spoken.values))


def awaits_yes(state: TurnState, context: TurnContext) -> bool:
    """Whether this turn answers an offer: by its id, or with a plain yes or no to the only one."""
    if context.confirm:
        return True
    return len(open_offers(state, context.now)) == 1 and consent(context.text) is not None


def tapped_text(state: Mapping[str, Any], action_id: str, locale: str) -> str:
    """What a tap on an action says, with pseudonyms; `state` is what the turns before left."""
    language = state.get("language", locale)
    labels = {offered["id"]: offered["label"] for offered in state.get("offers", [])}
    if action_id not in labels:
        return phrase("action_yes", language)
    return phrase("action_confirmed", language, action=labels[action_id])


def _chosen(state: TurnState, context: TurnContext) -> Offer | None:
    offers = open_offers(state, context.now)
    if context.confirm:
        return next((offered for offered in offers if offered["id"] == context.confirm), None)
    return offers[0] if len(offers) == 1 else None


def _park(state: TurnState, context: TurnContext) -> TurnState:
    """A person must look whether it was done; the customer is told so, and never that it was or was not."""
    ask_for_person(state, context, "effect_unknown")
    return answered(state, say(state, "action_unknown", "handoff", intent="human"))
