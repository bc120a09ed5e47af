"""Parts: which of a message's wishes has its turn, and which have been answered."""

from __future__ import annotations

from desk.privacy.pseudonyms import restore
from graphs.state import Part, Told, Topic, TurnContext, TurnState


def asked(state: TurnState, context: TurnContext) -> str:
    """What is being answered, raw: the part that has its turn, or the message without what is no wish."""
    parts, heard = state.get("parts"), state.get("heard")
    text = parts[0].text if parts else heard
    return restore(text, context.vault) if text else context.text


def ask(parts: tuple[Part, ...], topic: Topic) -> TurnState:
    """The state update that lets the first of these parts be answered next."""
    decision, order_ids = parts[0].decision, list(parts[0].order_ids)
    # What an answer waits for belongs to the intent that has asked for it.
    intent = topic.get("intent") if topic.get("waiting_for") or not decision.intent else decision.intent
    changed: Topic = {**topic, "intent": intent}
    if order_ids:
        changed["order_ids"] = order_ids
    return {"parts": parts, "decision": decision, "topic": changed}


def unanswered(state: TurnState) -> TurnState:
    """The state update of a part that nobody has an answer to."""
    return {"told": (*state.get("told", ()), Told(state["parts"][0], None))}
