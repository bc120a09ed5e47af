"""route_intent: what the customer wants, told by rules that no model can veto, then by the trained router."""

from __future__ import annotations

from langgraph.runtime import Runtime

from desk.routing.person import wants_person
from graphs.state import Decided, Topic, TurnContext, TurnState
from tools.order_numbers import find_order_numbers

CONFIDENT = 0.5


async def route_intent(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """Decide the route, with the reason; "faq" is where everything goes that is not sure."""
    context = runtime.context
    understanding = await context.services.understanding(context.tenant.settings.intent_pack)
    if wants_person(context.text):
        return {"decision": Decided("handoff", "human", 1.0, "asks for a person")}
    context.vector = (await context.services.engine.embedder.embed([context.text]))[0]
    found = understanding.router.route(context.text, context.vector)
    order_ids = find_order_numbers(context.text, context.tenant.settings.order_patterns)
    topic = state.get("topic", {})
    if order_ids or _continues_order(topic, context.text):
        return {
            "decision": Decided("order", "order_status", max(found.confidence, CONFIDENT), "order number"),
            "topic": {**topic, "order_ids": order_ids or topic.get("order_ids", [])},
        }
    intent = understanding.pack.find(found.intent) if found.intent else None
    if intent is None or found.confidence < CONFIDENT:
        return {"decision": Decided("faq", None, found.confidence, "no intent is near enough")}
    return {
        "decision": Decided(intent.route, intent.name, found.confidence, "nearest examples"),
        "topic": {**topic, "intent": intent.name},
    }


def _continues_order(topic: Topic, text: str) -> bool:
    """Whether we asked for a proof and this short message looks like one: it holds an @ or a digit."""
    if topic.get("waiting_for") != "order_proof":
        return False
    return len(text) < 120 and ("@" in text or any(character.isdigit() for character in text))
