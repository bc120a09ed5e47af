"""fallback: an honest answer when there is no better one, in the customer's language, with a way out."""

from __future__ import annotations

from langgraph.runtime import Runtime

from desk.domain import Answer
from desk.routing.consent import consent
from graphs.answering import answered, say
from graphs.nodes.screen import LONGEST_MESSAGE, refuses
from graphs.state import TurnContext, TurnState


async def fallback(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """Say that we do not know, do not answer this, or could not reach what we need; never guess.

    A plain yes, no or "ok" that nothing was waiting for is no question, so it is not one that failed.
    """
    misses = state.get("topic", {}).get("fallbacks", 0)
    if refuses(state):
        return answered(state, _refusal(state), fallbacks=misses)
    draft = state.get("draft")
    if draft is None and consent(runtime.context.text) is not None:
        return answered(state, say(state, "acknowledged", "canned"), fallbacks=misses)
    if draft is not None and draft.rejected:
        key = "answer_unverified"
    elif draft is not None and draft.failed:
        key = "model_unavailable"
    else:
        key = "fallback_followup" if misses else "fallback"
    return answered(state, say(state, key, "fallback"), fallbacks=misses + 1)


def _refusal(state: TurnState) -> Answer:
    if "too_long" in state["flags"]:
        return say(state, "refused_too_long", "refused", limit=str(LONGEST_MESSAGE))
    return say(state, "refused_abuse", "refused")
