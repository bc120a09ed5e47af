"""How a node answers: the answer itself, the line and the offers it leaves, and what a phrase is."""

from __future__ import annotations

from dataclasses import asdict
from typing import cast

from desk.domain import Answer, Citation, Route
from desk.events import Cited
from desk.routing.person import wants_person
from graphs.state import Offer, Told, Topic, TurnContext, TurnState
from prompts.replies import phrase, spoken_language, suggestions


def answered(state: TurnState, answer: Answer, **topic: object) -> TurnState:
    """The state update of an answer; `topic` changes what the talk is about. Only what it offers is open.

    The answer to one of several parts waits for those to the others.
    """
    before, told = state.get("topic", {}), state.get("told", ())
    # What a part before this one has asked for is still waited for.
    waiting = before.get("waiting_for") if told else None
    kept: Topic = {**before, "waiting_for": waiting, "fallbacks": 0}
    kept.update(topic)  # type: ignore[typeddict-item]
    kept["offers_person"] = offers_person(answer) and not kept.get("waiting_for")
    if parts := state.get("parts"):
        return {"told": (*told, Told(parts[0], answer)), "topic": kept}
    return {
        "answer": answer,
        "topic": kept,
        "offers": [cast("Offer", asdict(action)) for action in answer.actions],
        "window": [{"role": "assistant", "text": answer.text}],
    }


def offers_person(answer: Answer) -> bool:
    """Whether the first thing that may be tapped under an answer asks for a person."""
    return bool(answer.suggestions) and wants_person(answer.suggestions[0])


def cite(context: TurnContext, citation: Citation) -> None:
    """Show the source of an answer, and count it."""
    context.emit(Cited(citation))
    if citation.kind == "faq":
        context.services.engine.hits.note(context.principal.tenant_id, citation.source_id)


def say(state: TurnState, key: str, route: Route, *, intent: str | None = None, **values: str) -> Answer:
    """A phrase of ours in the customer's language, with what may be tapped next."""
    language = state["language"]
    return Answer(
        phrase(key, language, **values),
        spoken_language(language),
        route,
        intent,
        suggestions=suggestions(key, language),
    )
