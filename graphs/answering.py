"""How a node answers: the answer itself, the line it leaves in the window, and what a phrase is."""

from __future__ import annotations

from desk.domain import Answer, Route
from graphs.state import Topic, TurnState
from prompts.replies import phrase, spoken_language, suggestions


def answered(state: TurnState, answer: Answer, **topic: object) -> TurnState:
    """The state update of an answer; `topic` changes what the talk is about."""
    kept: Topic = {**state.get("topic", {}), "waiting_for": None, "fallbacks": 0}
    kept.update(topic)  # type: ignore[typeddict-item]
    return {"answer": answer, "topic": kept, "window": [{"role": "assistant", "text": answer.text}]}


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
