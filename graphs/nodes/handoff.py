"""handoff: ask for a person. The request is committed with the turn, and the customer is told at once."""

from __future__ import annotations

from langgraph.runtime import Runtime

from desk.domain import HandoffReason
from desk.storage.handoffs import HandoffRequest
from graphs.answering import answered, say
from graphs.handoffs.office_hours import due_at, office_hours, spoken_time
from graphs.state import TurnContext, TurnState

_REASONS: dict[str | None, HandoffReason] = {"human": "requested", "complaint": "complaint"}


async def handoff(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """Note why a person is needed; `run_turn` records it and sets the conversation's mode."""
    decision = state.get("decision")
    reason = _REASONS.get(decision.intent if decision else "human", "other")
    if reason == "requested" and state.get("topic", {}).get("fallbacks"):
        reason = "offer_accepted"
    return ask_for_person(state, runtime.context, reason)


def ask_for_person(state: TurnState, context: TurnContext, reason: HandoffReason) -> TurnState:
    """Queue the customer, or leave a ticket while the office is closed, and say which of both."""
    settings, now = context.tenant.settings, context.now
    hours, due = office_hours(settings), due_at(settings, now)
    language = state["language"]
    if hours.is_open(now):
        context.handoff = HandoffRequest(reason, "queued", language, due)
        return answered(state, say(state, "handoff_queued", "handoff", intent="human"))
    context.handoff = HandoffRequest(reason, "ticketed", language, due)
    opens = spoken_time(hours.next_opening(now))
    return answered(state, say(state, "handoff_ticketed", "handoff", intent="human", opens=opens))
