"""Follow-ups: a short message that goes on with the one before it, understood together with that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from desk.privacy.pseudonyms import restore
from desk.routing.consent import consent
from desk.routing.follow_up import (
    asks_only_its_cost,
    begins_like_one,
    narrows,
    points_back,
    says_nothing_alone,
    speaks_of,
)
from desk.routing.openings import is_courtesy
from desk.routing.person import wants_person
from desk.routing.places import places_asked
from desk.routing.router import Decision
from desk.routing.shown import asks_its_course, means_what_was_shown, which_listed
from graphs.hearing.decisions import left_out
from graphs.hearing.parts import asked
from graphs.state import Decided, TurnContext, TurnState
from prompts.intents import Intent
from tools.order_numbers import find_order_numbers

if TYPE_CHECKING:
    from desk.models.embeddings import Vectors
    from graphs.hearing.decisions import Hearing
    from graphs.hearing.understandings import Understanding

# A question before is cut to this, so that both fit into the embedder's window.
_MOST_BEFORE: Final = 300
# So far ahead of every other intent a message says by itself what it wants.
_STANDS_ALONE: Final = 0.6
# Of no more words a message is no sentence, but only names something: "and e-books?".
_FRAGMENT: Final = 4


def asked_before(state: TurnState) -> str:
    """What the customer asked before this message, with pseudonyms; empty for the first.

    Thanks, a yes or no, a request for a person, and "what's it about?" end no subject: "and express?" goes on
    with what was asked before them. "Something cheaper?" goes on itself, and comes with what it goes on with.
    """
    written = [line["text"] for line in state.get("window", []) if line["role"] == "user"]
    said: list[str] = []
    for text in reversed(written[:-1]):
        if not _asks_nothing(text):
            said.insert(0, text)
            if not (points_back(text) or begins_like_one(text)):
                break
    return " ".join(said)


def _asks_nothing(text: str) -> bool:
    if says_nothing_alone(text) and (means_what_was_shown(text) or which_listed(text, 1)):
        return True
    return is_courtesy(text) or consent(text) is not None or wants_person(text)


def with_before(state: TurnState, context: TurnContext) -> str:
    """The message before and this one as one text, raw."""
    return f"{restore(asked_before(state), context.vault)} {asked(state, context)}"


async def follow_up(state: TurnState, hearing: Hearing, alone: Decision) -> TurnState | None:
    """The decision on a message that goes on with the one before; None for one that stands on its own."""
    context, before, text = hearing.context, asked_before(state), hearing.text
    shown = _shown(hearing) if points_back(text) or narrows(text) or asks_its_course(text) else None
    said = _already_said(state, hearing)
    its_cost = said is not None and asks_only_its_cost(text)
    may_go_on = shown or its_cost or begins_like_one(text)
    numbers = find_order_numbers(text, context.tenant.settings.order_patterns)
    if numbers or not may_go_on or not 0 < len(before) <= _MOST_BEFORE:
        return None
    own, bare = hearing.sure(alone), shown is not None and says_nothing_alone(text)
    if shown == "order" and (of_order := _of_the_order(hearing, own, alone)):
        return of_order
    same = own if own and own.route == shown else said if its_cost else None
    if same:
        return _following(hearing, same, alone)
    fragment = said is not None and len(text.split()) <= _FRAGMENT
    if own and alone.margin >= _STANDS_ALONE and not (bare or fragment):
        return None
    both = hearing.understanding.spelled(f"{restore(before, context.vault)} {text}")
    vector = (await context.services.engine.embedder.embed([both]))[0]
    joined = hearing.understanding.route(both, vector)
    context.noted["with_before"] = {"candidate": joined.candidate, "confidence": joined.confidence}
    intent = hearing.sure(joined)
    if intent and intent.route == shown and (bare or own is None):
        return _following(hearing, intent, joined)
    return _in_same_breath(hearing, said, alone, joined) if begins_like_one(text) else None


def _of_the_order(hearing: Hearing, own: Intent | None, alone: Decision) -> TurnState | None:
    """The decision on "when does it arrive?" and "can I cancel it?" about an order that was just shown."""
    last = hearing.understanding.pack.find(hearing.topic.get("intent") or "")
    if last is None or last.route != "order":
        return None
    if asks_its_course(hearing.text):
        return _following(hearing, last, alone)
    return hearing.beside_order(own, alone) if own and own.route == "canned" else None


def _in_same_breath(
    hearing: Hearing, said: Intent | None, alone: Decision, joined: Decision
) -> TurnState | None:
    """The decision on "and to Canada?", by itself and as one with the question before.

    The old question weighs more in the two than the few new words. So its intent is taken again only if its
    answer speaks of these words, or tells something new each time it is asked; another intent only if the
    message alone does not tell one. Where it tells one that the FAQs answer, they are asked more fully.
    """
    own, intent = hearing.sure(alone), hearing.sure(joined)
    if said and intent and said.name in {joined.candidate, joined.runner_up}:
        return _following(hearing, said, joined)
    if own is not None:
        return _following(hearing, own, alone) if own.route == "faq" else None
    return _following(hearing, intent, joined) if intent and _tells_more(intent, hearing) else None


def spelled_out(state: TurnState, understanding: Understanding, vector: Vectors) -> str | None:
    """How the intent of a message that goes on is asked for in full; None for any other message."""
    decision = state["decision"]
    if not decision.goes_on or decision.intent is None:
        return None
    return understanding.router.example_of(decision.intent, vector)


def _following(hearing: Hearing, intent: Intent, found: Decision) -> TurnState:
    because = "goes on with the message before"
    # "And Germany?": what stands in the FAQs of that country is looked up.
    places = left_out(intent, hearing.text) if intent.route in {"faq", "canned"} else ()
    route = "faq" if places else intent.route
    decision = Decided(route, intent.name, found.confidence, because, goes_on=True, places=places)
    return {"decision": decision, "topic": {**hearing.topic, "intent": intent.name}}


def _already_said(state: TurnState, hearing: Hearing) -> Intent | None:
    """The canned intent of the message before, if its answer speaks of what this one names."""
    last = hearing.understanding.pack.find(hearing.topic.get("intent") or "")
    if last is None or last.route != "canned":
        return None
    return last if speaks_of(last.reply_in(state["language"])[0], hearing.text) else None


def _shown(hearing: Hearing) -> str | None:
    """What the talk has shown that a message may point at: its products or its order."""
    last = hearing.understanding.pack.find(hearing.topic.get("intent") or "")
    if last is not None and last.route == "product":
        return "product"
    return "order" if hearing.topic.get("order_ids") else None


def _tells_more(intent: Intent, hearing: Hearing) -> bool:
    """Whether an intent of both messages together is another one, or tells more when it is asked again."""
    again = intent.name == hearing.topic.get("intent")
    if intent.route == "order":
        return again and bool(hearing.topic.get("order_ids"))
    if places_asked(hearing.text):  # "and Peru?": what is known of a country is not what was said before
        return intent.route in {"faq", "canned"}
    return intent.route == "product" or (intent.route == "canned" and not again)
