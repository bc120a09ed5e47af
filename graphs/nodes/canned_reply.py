"""canned_reply: the answer that a person wrote once for this intent."""

from __future__ import annotations

from langgraph.runtime import Runtime

from desk.domain import Answer
from graphs.answering import answered
from graphs.state import TurnContext, TurnState


async def canned_reply(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """Say the intent's reply in the customer's language, or in English when there is none."""
    context, decision = runtime.context, state["decision"]
    understanding = await context.services.understandings.of(context.tenant, context.prompts)
    intent = understanding.pack.find(decision.intent or "")
    assert intent is not None, "the router only names intents of its own pack"
    text, language = intent.reply_in(state["language"])
    return answered(
        state,
        Answer(
            text,
            language,
            "canned",
            intent.name,
            decision.confidence,
            suggestions=intent.suggestions_in(language),
        ),
    )
