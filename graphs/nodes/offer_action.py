"""offer_action: put before the customer what their message asks for; it is done once they say yes."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from desk.domain import Action, Answer
from desk.errors import ToolUnavailable
from desk.routing.phrases import says_no_more
from desk.tooling import Spoken, Tool, ToolResult
from graphs.acting.offering import Refusal, offer
from graphs.answering import answered, say
from graphs.hearing.orders_meant import Meant, orders_meant
from graphs.nodes.handoff import ask_for_person
from graphs.nodes.lookup_order import MOST_PROOFS, ask_which
from graphs.state import TurnContext, TurnState
from prompts.replies import phrase, spoken_language


async def offer_action(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """Offer it, ask for what is missing for it, or say why it cannot be done."""
    context, topic = runtime.context, state.get("topic", {})
    intent = state["decision"].intent
    understanding = await context.services.understandings.of(context.tenant, context.prompts)
    wanted = understanding.pack.find(intent or "")
    assert wanted is not None, "only intents of the pack are decided on"
    assert wanted.tool is not None, "those of route action name their tool"
    tool = context.services.tools[wanted.tool]
    assert tool.writing is not None, "and that changes something"
    if topic.get("proofs_tried", 0) >= MOST_PROOFS:
        return ask_for_person(state, context, "order_proof")
    if tool.writing.asks and says_no_more(state["text"], wanted.examples):
        ask = say(state, tool.writing.asks, tool.writing.route, intent=intent)
        return answered(state, ask, waiting_for="message")
    try:
        meant = await orders_meant(state, context)
    except ToolUnavailable:
        meant = Meant()  # the number is asked for, as of everybody
    known = meant.orders or meant.own
    numbers = meant.numbers or tuple(order.id for order in known if len(known) == 1)
    given = tool.writing.draft(state["text"], numbers)
    if given is None:
        return ask_which(state, meant, tool.writing.route, intent)
    found = await offer(tool, given, state, context, proofs=True)
    if isinstance(found, Refusal):
        return _refused(state, tool, found.result)
    return _offered(state, tool, found)


def _offered(state: TurnState, tool: Tool[Any], action: Action) -> TurnState:
    language, decision = state["language"], state["decision"]
    assert tool.writing is not None
    return answered(
        state,
        Answer(
            phrase("action_offer", language, action=action.label),
            spoken_language(language),
            tool.writing.route,
            decision.intent,
            decision.confidence,
            actions=(action,),
        ),
        proofs_tried=0,
    )


def _refused(state: TurnState, tool: Tool[Any], result: ToolResult) -> TurnState:
    """What the tool says; an order that was not found may be proved with the next message."""
    assert tool.writing is not None
    spoken = result.spoken or Spoken("action_unavailable")
    answer = say(state, spoken.key, tool.writing.route, intent=state["decision"].intent, **spoken.values)
    if spoken.key != "order_not_found":
        return answered(state, answer)
    tried = state.get("topic", {}).get("proofs_tried", 0)
    return answered(state, answer, waiting_for="order_proof", proofs_tried=tried + 1)
