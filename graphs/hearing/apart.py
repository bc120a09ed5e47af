"""Hearing apart: a message with several wishes is cut where the router is sure of each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from desk.privacy.pseudonyms import restore
from desk.routing.clauses import MOST_PARTS, ONE_WISH, Clause, Verdict, Wish, wishes
from desk.routing.follow_up import says_nothing_alone
from desk.routing.openings import holds_value
from desk.routing.router import Decision
from graphs.hearing.decisions import Hearing
from graphs.state import Decided, Part, TurnState
from tools.order_numbers import find_order_numbers

# What goes on about an order that another part of the message may have named.
_OF_ORDERS = frozenset({"order", "action"})


async def hear_apart(
    state: TurnState, hearing: Hearing, whole: Decision, pieces: Sequence[Clause]
) -> tuple[Part, ...]:
    """The wishes of a message in the order in which they are answered; none if it is better heard as one.

    What asks for a person stands alone, what asks for an action comes first and leaves the others for later.
    """
    context, router = hearing.context, hearing.understanding
    if len(pieces) < 2:
        return ()
    if whole.margin > ONE_WISH:
        context.noted["heard"] = f"as one: an intent is ahead by {whole.margin:.2f}"
        return ()
    said = [restore(piece.text, context.vault) for piece in pieces]
    spelled = list(map(router.spelled, said))
    vectors = await context.services.engine.embedder.embed(spelled)
    found = [router.route(text, vector) for text, vector in zip(spelled, vectors, strict=True)]
    decided = [hearing.decide(text, decision)["decision"] for text, decision in zip(said, found, strict=True)]
    for at in range(1, len(pieces)):
        # "Is Emma in stock, and what does it cost?"
        if decided[at - 1].route == "product" and says_nothing_alone(said[at]):
            decided[at], found[at] = decided[at - 1], found[at - 1]
    kept = [at for at, one in enumerate(decided) if one.intent not in router.courteous]
    heard = wishes(
        [pieces[at] for at in kept],
        [_verdict(decided[at], found[at], asks=pieces[at].asks) for at in kept],
        _verdict(hearing.decide(context.text, whole)["decision"], whole, asks=False),
    )
    if not heard:
        context.noted["heard"] = "as one: its pieces do not hold two intents that are clearer apart"
        return ()
    parts = [
        _part(state, hearing, wish, [pieces[at] for at in kept], decided[kept[wish.best]]) for wish in heard
    ]
    context.noted["heard"] = f"as {len(parts)} wishes"
    return _arranged(parts, state["text"])


def heard_alone(pieces: Sequence[Clause], text: str) -> str:
    """The one wish of a message, with pseudonyms, without who it is from; empty where nobody says that."""
    if len(pieces) != 1:
        return ""
    beside = f"{text[: pieces[0].start]} {text[pieces[0].end :]}"
    return pieces[0].text if holds_value(beside) else ""


def _verdict(decided: Decided, found: Decision, *, asks: bool) -> Verdict:
    """What a rule decides on a question is as clear as can be."""
    by_rule = asks and decided.because != "nearest examples" and decided.intent is not None
    return Verdict(decided.intent, 1.0 if by_rule else found.margin)


def _part(state: TurnState, hearing: Hearing, wish: Wish, pieces: Sequence[Clause], decided: Decided) -> Part:
    context = hearing.context
    text = state["text"][pieces[wish.first].start : pieces[wish.last].end].strip()
    if wish.intent is None:
        return Part(text, Decided("faq", None, decided.confidence, "no intent is near enough"))
    if decided.route not in _OF_ORDERS:
        return Part(text, decided)
    patterns = context.tenant.settings.order_patterns
    numbers = find_order_numbers(restore(text, context.vault), patterns)
    return Part(text, decided, tuple(numbers or find_order_numbers(context.text, patterns)))


def _arranged(parts: list[Part], text: str) -> tuple[Part, ...]:
    for part in parts:
        if part.decision.route == "handoff":
            return (part,)
    count = len(parts)
    parts = [
        replace(part, decision=_numbered(part.decision, f"wish {at} of {count}"))
        for at, part in enumerate(parts, 1)
    ]
    action = next((part for part in parts if part.decision.route == "action"), None)
    if action is not None:
        return (action, *(replace(part, later=True) for part in parts if part is not action))
    if count <= MOST_PARTS:
        return tuple(parts)
    rest = replace(parts[MOST_PARTS], text=text[text.index(parts[MOST_PARTS].text) :], later=True)
    return (*parts[:MOST_PARTS], rest)


def _numbered(decided: Decided, which: str) -> Decided:
    return replace(decided, because=f"{which}: {decided.because}")
