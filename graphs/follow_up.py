"""Follow-ups: a short message that goes on with the one before it, understood together with that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from desk.privacy.pseudonyms import restore
from desk.routing.follow_up import begins_like_one, speaks_of
from desk.routing.router import Decision
from graphs.state import Decided, TurnContext, TurnState
from prompts.intents import Intent
from tools.order_numbers import find_order_numbers

if TYPE_CHECKING:
    from graphs.hearing import Hearing

# A question before is cut to this, so that both fit into the embedder's window.
_MOST_BEFORE: Final = 300
# So far ahead of every other intent a message says by itself what it wants.
_STANDS_ALONE: Final = 0.6
# What is read or done again without harm if the same is asked with other words.
_READS: Final = frozenset({"order", "product"})


def asked_before(state: TurnState) -> str:
    """What the customer wrote before this message, with pseudonyms; empty for the first."""
    written = [line["text"] for line in state.get("window", []) if line["role"] == "user"]
    return written[-2] if len(written) > 1 else ""


def with_before(state: TurnState, context: TurnContext) -> str:
    """The message before and this one as one text, raw."""
    return f"{restore(asked_before(state), context.vault)} {context.text}"


async def follow_up(state: TurnState, hearing: Hearing, alone: Decision) -> TurnState | None:
    """The decision on a message that goes on with the one before; None for one that stands on its own.

    The old question weighs more in the two than the few new words. So its intent is taken again only if its
    answer speaks of these words, or tells something new each time it is asked; another intent only if neither
    the message alone nor the question before it says anything else.
    """
    context, before = hearing.context, asked_before(state)
    if not 0 < len(before) <= _MOST_BEFORE or not begins_like_one(context.text):
        return None
    if alone.margin >= _STANDS_ALONE and hearing.sure(alone):
        return None
    if find_order_numbers(context.text, context.tenant.settings.order_patterns):
        return None
    text = with_before(state, context)
    vector = (await context.services.engine.embedder.embed([text]))[0]
    joined = hearing.understanding.route(text, vector)
    intent = hearing.sure(joined)
    context.noted["with_before"] = {"candidate": joined.candidate, "confidence": joined.confidence}
    if intent is None or not _may_follow(intent, state, hearing, alone):
        return None
    decision = Decided(
        intent.route, intent.name, joined.confidence, "goes on with the message before", goes_on=True
    )
    return {"decision": decision, "topic": {**hearing.topic, "intent": intent.name}}


def _may_follow(intent: Intent, state: TurnState, hearing: Hearing, alone: Decision) -> bool:
    again, unsure = intent.name == hearing.topic.get("intent"), hearing.sure(alone) is None
    if intent.route == "canned" and again:
        return speaks_of(intent.reply_in(state["language"])[0], hearing.context.text)
    if intent.route == "order":
        return unsure and again and bool(hearing.topic.get("order_ids"))
    return unsure and (intent.route == "product" if again else intent.route in ("canned", "product"))
