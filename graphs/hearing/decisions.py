"""Hearing: where one wish goes, by the rules that come first, then by what the router is sure of."""

from __future__ import annotations

from dataclasses import dataclass

from desk.routing.follow_up import FEW_WORDS
from desk.routing.openings import asks
from desk.routing.router import ACCEPT_FROM, Decision
from graphs.acting.toolbox import shop_url
from graphs.hearing.orders_meant import means_by_day
from graphs.hearing.understandings import Understanding
from graphs.state import Decided, Topic, TurnContext, TurnState
from prompts.intents import Intent
from tools.order_numbers import find_order_numbers

# What is asked of the shop's own service; without one, what the tenant has written about it is the answer.
_AT_THE_SHOP = frozenset({"order", "action"})


@dataclass(frozen=True, slots=True)
class Hearing:
    """What a turn hears with; `needed` is the least confidence of an intent, None where none is followed.

    `text` is the message, raw, without what is no wish.
    """

    context: TurnContext
    understanding: Understanding
    needed: float | None
    topic: Topic
    text: str

    def sure(self, found: Decision) -> Intent | None:
        """The intent that the router is sure enough of to follow it."""
        if self.needed is None or found.confidence < self.needed:
            return None
        return self.understanding.pack.find(found.candidate)

    def _going_on(self, text: str) -> Intent | None:
        """What the talk wants done with an order, if few words name another: "no, 100198 instead"."""
        last = self.understanding.pack.find(self.topic.get("intent") or "")
        if last is None or not last.tool or asks(text) or len(text.split()) > FEW_WORDS:
            return None
        tool = self.context.services.tools[last.tool]
        return last if "order_id" in tool.arguments.model_fields else None

    def decide(self, text: str, found: Decision) -> TurnState:
        """The decision on a text and what the talk is about then; "faq" is where goes what is not sure."""
        topic, wanted = self.topic, self.sure(found)
        order_ids = find_order_numbers(text, self.context.tenant.settings.order_patterns)
        if order_ids or _continues_order(topic, text):
            if topic.get("waiting_for") and (not order_ids or _is_bare(text)):
                wanted = self.understanding.pack.find(topic.get("intent") or "")
            elif order_ids and (going_on := self._going_on(text)):
                wanted = going_on
            topic = {**topic, "order_ids": order_ids or topic.get("order_ids", [])}
            return _about_order(topic, wanted, max(found.confidence, ACCEPT_FROM))
        by_day = wanted is None or topic.get("waiting_for") == "order_number"
        if by_day and means_by_day(text, topic, self.context):
            return _about_order(topic, wanted, max(found.confidence, ACCEPT_FROM))
        if wanted is None:
            unproven = self.needed is None
            because = "the promised error is not proven" if unproven else "no intent is near enough"
            return {"decision": Decided("faq", None, found.confidence, because)}
        if wanted.route in _AT_THE_SHOP and not shop_url(self.context):
            because = "no order service is connected"
            return {"decision": Decided("faq", wanted.name, found.confidence, because)}
        courteous = wanted.name in self.understanding.courteous  # which changes no subject
        return {
            "decision": Decided(wanted.route, wanted.name, found.confidence, "nearest examples"),
            "topic": topic if courteous else {**topic, "intent": wanted.name},
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
