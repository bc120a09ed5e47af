"""verify_answer: a model's text becomes an answer only if every claim in it stands in a cited source."""

from __future__ import annotations

from langgraph.runtime import Runtime

from desk.domain import Answer
from desk.events import Cited, Revised
from desk.tooling import Passage
from graphs.answering import answered
from graphs.claims import check_whole
from graphs.nodes.call_llm import sources_of
from graphs.nodes.retrieve_faqs import answer_word_for_word, threshold
from graphs.state import TurnContext, TurnState

MOST_CITED = 3
_SHARED_WORDS = 3


async def verify_answer(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """Accept the draft, or replace it by the best passage word for word; else leave it to fallback."""
    context, draft = runtime.context, state["draft"]
    sources = sources_of(state)
    if draft.text and not draft.rejected and not check_whole(draft.text, sources):
        return _accept(state, context, draft.text)
    if context.shown:
        context.shown = ""
        context.emit(Revised(""))
    passages = state.get("passages", ())
    if passages and passages[0].score >= threshold(context):
        return answer_word_for_word(state, passages[0], context)
    return {}


def _accept(state: TurnState, context: TurnContext, text: str) -> TurnState:
    decision = state["decision"]
    citations = tuple(passage.citation() for passage in _used(text, state.get("passages", ())))
    for citation in citations:
        context.emit(Cited(citation))
    return answered(
        state,
        Answer(
            text,
            state["language"],
            "model",
            decision.intent,
            decision.confidence,
            citations=citations,
        ),
    )


def _used(text: str, passages: tuple[Passage, ...]) -> list[Passage]:
    """The passages that the answer draws on: those with which it shares most of its longer words."""
    said = _long_words(text)
    shared = [(len(said & _long_words(passage.text)), passage) for passage in passages]
    used = [(count, passage) for count, passage in shared if count >= _SHARED_WORDS]
    used.sort(key=lambda pair: -pair[0])
    return [passage for _, passage in used[:MOST_CITED]]


def _long_words(text: str) -> set[str]:
    return {word for word in text.casefold().split() if len(word) > 4}
