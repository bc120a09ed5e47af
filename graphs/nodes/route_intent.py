"""route_intent: what the customer wants, told by rules that no model can veto, then by the trained router."""

from __future__ import annotations

from langgraph.runtime import Runtime

from desk.privacy.pseudonyms import restore
from desk.routing.clauses import clauses
from desk.routing.consent import says_yes
from desk.routing.person import wants_person
from graphs.hearing.apart import hear_apart, heard_alone
from graphs.hearing.certainty import needed
from graphs.hearing.decisions import Hearing
from graphs.hearing.follow_up import follow_up
from graphs.hearing.parts import ask
from graphs.state import Decided, TurnContext, TurnState
from prompts.own_intents import INTENTS


async def route_intent(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """Decide the route, with the reason; "faq" is where everything goes that is not sure."""
    context = runtime.context
    understanding = await context.services.understandings.of(context.tenant, context.prompts)
    # Cut with its pseudonyms in place, so that no personal value is cut in two.
    pieces = clauses(state["text"])
    said = (context.text, *(restore(piece.text, context.vault) for piece in pieces))
    if any(map(wants_person, said)):
        return {"decision": Decided("handoff", "human", 1.0, "asks for a person")}
    if state.get("topic", {}).get("offers_person") and says_yes(context.text):
        return {"decision": Decided("handoff", "human", 1.0, "yes to a person")}
    heard = heard_alone(pieces, state["text"])
    text = restore(heard, context.vault) if heard else context.text
    spelled = understanding.spelled(text)
    context.vector = (await context.services.engine.embedder.embed([spelled]))[0]
    found = understanding.route(spelled, context.vector)
    least = needed(context, understanding)
    context.noted = {"candidate": found.candidate, "runner_up": found.runner_up, "needed": least}
    context.noted["margin"] = found.margin
    own = context.prompts.chosen.get(INTENTS)
    if own is not None:
        context.noted["intents"] = {"version": own.prompt.version, "sha": own.prompt.sha}
    hearing = Hearing(context, understanding, least, state.get("topic", {}), text)
    if awaited := hearing.awaited(found):
        return awaited
    if parts := await hear_apart(state, hearing, found, pieces):
        first = ask(parts, hearing.topic)
        return {**first, "parts": ()} if parts[0].decision.route == "handoff" else first
    decided = await follow_up(state, hearing, found) or hearing.decide(text, found)
    return {**decided, "heard": heard} if heard else decided
