"""answer_parts: goes on to the next wish of a message, and puts the answers together once all were tried."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import replace

from langgraph.runtime import Runtime

from desk.domain import Answer
from graphs.answering import answered, cite
from graphs.hearing.parts import ask
from graphs.nodes.retrieve_faqs import may_call_model
from graphs.state import Decided, Told, Topic, TurnContext, TurnState
from prompts.replies import phrase, spoken_language, suggestions

LONGEST_QUOTE = 120
MOST_SUGGESTED = 4


async def answer_parts(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """Let the next part be answered; else join the answers, or leave the message to a model that may help."""
    context, told, rest = runtime.context, state.get("told", ()), state.get("parts", ())[1:]
    last = told[-1].answer
    if last is not None and last.route == "handoff":
        return {"parts": (), **_joined({**state, "parts": ()}, context, told[-1:])}
    topic = state.get("topic", {})
    if rest and _came_to_nothing(told[-1], topic):
        rest = tuple(replace(part, later=False) for part in rest)
    if rest and not rest[0].later:
        return ask(rest, topic)
    told = (*told, *(Told(part, None) for part in rest))
    open_yet = any(one.spare or _is_missing(one) for one in told)
    if open_yet and "draft" not in state and may_call_model(state, context):
        confidence = min(one.part.decision.confidence for one in told)
        decision = Decided("faq", None, confidence, "a part needs the model")
        return {"parts": (), "told": told, "decision": decision}
    if all(one.answer is None for one in told):
        return {"parts": (), "told": told}
    return {"parts": (), "told": told, **_joined({**state, "parts": ()}, context, told)}


def _came_to_nothing(told: Told, topic: Topic) -> bool:
    """Whether an action was refused, so that nothing waits for a yes or a number before the other parts."""
    refused = told.answer is not None and not told.answer.actions and not topic.get("waiting_for")
    return told.part.decision.route == "action" and refused


def _joined(state: TurnState, context: TurnContext, told: Sequence[Told]) -> TurnState:
    """One answer of several: it goes by the first one's route and intent, and has the sources of all."""
    answers = [one.answer for one in told if one.answer is not None]
    first = answers[0]
    citations = tuple(citation for answer in answers for citation in answer.citations)
    for citation in citations:
        cite(context, citation)
    taps = [tap for answer in answers for tap in answer.suggestions]
    if any(map(_is_missing, told)):
        taps = [*suggestions("part_unknown", state["language"]), *taps]
    answer = Answer(
        "\n\n".join(_line(one, state["language"]) for one in told),
        first.language,
        first.route,
        first.intent,
        first.confidence,
        citations=citations,
        actions=tuple(action for answer in answers for action in answer.actions),
        suggestions=tuple(dict.fromkeys(taps))[:MOST_SUGGESTED],
    )
    return answered(state, answer)


def _is_missing(told: Told) -> bool:
    """Whether a part was asked, and nobody knew an answer."""
    return told.answer is None and not told.part.later


def _line(told: Told, language: str) -> str:
    if told.answer is not None:
        return told.answer.text
    what = textwrap.shorten(told.part.text, LONGEST_QUOTE, placeholder="…")
    return phrase("part_later" if told.part.later else "part_unknown", spoken_language(language), what=what)
