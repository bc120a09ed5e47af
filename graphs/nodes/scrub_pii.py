"""scrub_pii: from here on the talk holds pseudonyms; the raw text stays in the context, in memory."""

from __future__ import annotations

from langgraph.runtime import Runtime

from desk.privacy.pseudonyms import scrub
from graphs.state import TurnContext, TurnState


async def scrub_pii(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """Replace personal values, the same value always by the same pseudonym of this conversation."""
    context = runtime.context
    scrubbed = scrub(
        context.text,
        context.vault,
        order_patterns=context.tenant.settings.order_patterns,
        allowed_terms=await context.services.engine.catalogue_terms(context.tenant),
        guess=True,
    )
    context.vault = scrubbed.vault
    return {"text": scrubbed.text, "window": [{"role": "user", "text": scrubbed.text}]}
