"""Hearing: where one wish goes, by the rules that come first, then by what the router is sure of."""

from __future__ import annotations

from dataclasses import dataclass

from desk.routing.consent import consent
from desk.routing.follow_up import FEW_WORDS
from desk.routing.openings import asks
from desk.routing.places import places_asked, speaks_of_places
from desk.routing.router import ACCEPT_FROM, Decision
from graphs.acting.toolbox import shop_url
from graphs.hearing.orders_meant import means_by_day
from graphs.hearing.understandings import Understanding
from graphs.state import Decided, Topic, TurnContext, TurnState
from prompts.intents import Intent
from tools.order_numbers import find_order_numbers

# What an order number asks when nothing else is asked about it.
ORDER_STATUS = "order_status"
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

    def awaited(self, found: Decision) -> TurnState | None:
        """The decision on the message that we asked for; None where a no was written, or a question."""
        if self.topic.get("waiting_for") != "message" or consent(self.text):
            return None
        if self.sure(found) and asks(self.text):
            return None
        because = "the message that we asked for"
        return {"decision": Decided("action", self.topic.get("intent"), found.confidence, because)}

    def _going_on(self, text: str) -> Intent | None:
        """What the talk wants done with an order, if few words name another: "no, 100198 instead"."""
        last = self.understanding.pack.find(self.topic.get("intent") or "")
        if last is None or not last.tool or asks(text) or len(text.split()) > FEW_WORDS:
            return None
        tool = self.context.services.tools[last.tool]
        return last if "order_id" in tool.arguments.model_fields else None

    def decide(self, text: str, found: Decision) -> TurnState:
        """The decision on a text and what the talk is about then; "faq" is where goes what is not sure."""
        topic, wanted = self.topic, None if _is_a_nod(text) else self.sure(found)
        order_ids = find_order_numbers(text, self.context.tenant.settings.order_patterns)
        if order_ids or _continues_order(topic, text):
            if topic.get("waiting_for") and (not order_ids or _is_bare(text)):
                wanted = self.understanding.pack.find(topic.get("intent") or "")
            elif order_ids and (going_on := self._going_on(text)):
                wanted = going_on
            topic = {**topic, "order_ids": order_ids or topic.get("order_ids", [])}
            return self._about_order(topic, wanted, max(found.confidence, ACCEPT_FROM))
        by_day = wanted is None or topic.get("waiting_for") == "order_number"
        if by_day and means_by_day(text, topic, self.context):
            return self._about_order(topic, wanted, max(found.confidence, ACCEPT_FROM))
        if wanted is None:
            unproven = self.needed is None
            because = "the promised error is not proven" if unproven else "no intent is near enough"
            return {"decision": Decided("faq", None, found.confidence, because)}
        if wanted.route in _AT_THE_SHOP and not shop_url(self.context):
            because = "no order service is connected"
            return {"decision": Decided("faq", wanted.name, found.confidence, because)}
        courteous = wanted.name in self.understanding.courteous  # which changes no subject
        decided = Decided(wanted.route, wanted.name, found.confidence, "nearest examples")
        if wanted.route in {"canned", "faq"} and (places := left_out(wanted, text)):
            because = "a country is named of which its reply says nothing"
            decided = Decided("faq", wanted.name, found.confidence, because, places=places)
        return {"decision": decided, "topic": topic if courteous else {**topic, "intent": wanted.name}}

    def beside_order(self, wanted: Intent, found: Decision) -> TurnState | None:
        """The decision on a question about the order of the talk; None for what is only courtesy."""
        if not self._answers_beside(wanted):
            return None
        return self._about_order(self.topic, wanted, found.confidence)

    def _answers_beside(self, wanted: Intent) -> bool:
        return wanted.route == "canned" and wanted.name not in self.understanding.courteous

    def _about_order(self, topic: Topic, wanted: Intent | None, confidence: float) -> TurnState:
        """An order number asks what became of the order, beside what else the customer asks about it.

        "Cancel order 100234" is told how to cancel and how far the order is, unless it can be done here.
        """
        if wanted is not None and wanted.tool:
            decision = Decided("action", wanted.name, confidence, "order number and what to do with it")
        elif wanted is not None and self._answers_beside(wanted):
            decision = Decided("order", wanted.name, confidence, "order number and a question about it")
        else:
            decision = Decided("order", ORDER_STATUS, confidence, "order number")
        return {"decision": decision, "topic": {**topic, "intent": decision.intent}}


def left_out(wanted: Intent, text: str) -> tuple[str, ...]:
    """The countries that a text names where the intent's reply, if it has one, speaks of none of them."""
    places = places_asked(text)
    told = any(speaks_of_places(reply, places) for reply in wanted.reply.values())
    return () if told else tuple(sorted(places))


def _is_a_nod(text: str) -> bool:
    """Whether a message is a yes or no of one word, which has no intent of its own."""
    return len(text.split()) == 1 and consent(text) is not None


def _is_bare(text: str) -> bool:
    """Whether a message is little more than a number: it answers what we asked, whatever it is like."""
    return sum(word.isalpha() for word in text.split()) <= 2


def _continues_order(topic: Topic, text: str) -> bool:
    """Whether we asked for a proof and this short message looks like one: it holds an @ or a digit."""
    if topic.get("waiting_for") != "order_proof":
        return False
    return len(text) < 120 and ("@" in text or any(character.isdigit() for character in text))
