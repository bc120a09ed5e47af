"""handoff: ask for a person. The request is committed with the turn, and the customer is told at once."""

from __future__ import annotations

from langgraph.runtime import Runtime

from graphs.answering import answered, say
from graphs.state import TurnContext, TurnState


async def handoff(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """Note why a person is needed; `run_turn` records it and sets the conversation's mode."""
    decision = state.get("decision")
    runtime.context.handoff_reason = (decision.intent if decision else None) or "requested"
    return answered(state, say(state, "handoff_queued", "handoff", intent="human"))
