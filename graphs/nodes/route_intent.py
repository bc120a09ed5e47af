"""route_intent: what the customer wants, told by rules that no model can veto, then by the trained router."""

from __future__ import annotations

from langgraph.runtime import Runtime

from desk.routing.person import wants_person
from desk.routing.router import ACCEPT_FROM
from graphs.certainty import needed
from graphs.orders_meant import means_by_day
from graphs.state import Decided, Topic, TurnContext, TurnState
from graphs.toolbox import shop_url
from prompts.intents import Intent
from prompts.own_intents import INTENTS
from tools.order_numbers import find_order_numbers

# What is asked of the shop's own service; without one, what the tenant has written about it is the answer.
_AT_THE_SHOP = frozenset({"order", "action"})


async def route_intent(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """Decide the route, with the reason; "faq" is where everything goes that is not sure."""
    context = runtime.context
    understanding = await context.services.understandings.of(context.tenant, context.prompts)
    if wants_person(context.text):
        return {"decision": Decided("handoff", "human", 1.0, "asks for a person")}
    context.vector = (await context.services.engine.embedder.embed([context.text]))[0]
    found = understanding.route(context.text, context.vector)
    least = needed(context, understanding)
    context.noted = {"candidate": found.candidate, "runner_up": found.runner_up, "needed": least}
    context.noted["margin"] = found.margin
    own = context.prompts.chosen.get(INTENTS)
    if own is not None:
        context.noted["intents"] = {"version": own.prompt.version, "sha": own.prompt.sha}
    order_ids = find_order_numbers(context.text, context.tenant.settings.order_patterns)
    topic = state.get("topic", {})
    intent = understanding.pack.find(found.candidate)
    sure = least is not None and found.confidence >= least
    if order_ids or _continues_order(topic, context.text):
        if topic.get("waiting_for") and (not order_ids or _is_bare(context.text)):
            intent, sure = understanding.pack.find(topic.get("intent") or ""), True
        topic = {**topic, "order_ids": order_ids or topic.get("order_ids", [])}
        return _about_order(topic, intent if sure else None, max(found.confidence, ACCEPT_FROM))
    if (not sure or topic.get("waiting_for") == "order_number") and means_by_day(topic, context):
        return _about_order(topic, intent if sure else None, max(found.confidence, ACCEPT_FROM))
    if intent is None or not sure:
        because = "no intent is near enough" if least is not None else "the promised error is not proven"
        return {"decision": Decided("faq", None, found.confidence, because)}
    if intent.route in _AT_THE_SHOP and not shop_url(context):
        because = "no order service is connected"
        return {"decision": Decided("faq", intent.name, found.confidence, because)}
    return {
        "decision": Decided(intent.route, intent.name, found.confidence, "nearest examples"),
        "topic": {**topic, "intent": intent.name},
    }


def _about_order(topic: Topic, wanted: Intent | None, confidence: float) -> TurnState:
    """An order number asks what became of the order, unless the customer wants something done with it."""
    if wanted is not None and wanted.tool:
        decision = Decided("action", wanted.name, confidence, "order number and what to do with it")
    else:
        decision = Decided("order", "order_status", confidence, "order number")
    return {"decision": decision, "topic": {**topic, "intent": decision.intent}}


def _is_bare(text: str) -> bool:
    """Whether a message is little more than a number: it answers what we asked, whatever it is like."""
    return sum(word.isalpha() for word in text.split()) <= 2


def _continues_order(topic: Topic, text: str) -> bool:
    """Whether we asked for a proof and this short message looks like one: it holds an @ or a digit."""
    if topic.get("waiting_for") != "order_proof":
        return False
    return len(text) < 120 and ("@" in text or any(character.isdigit() for character in text))
