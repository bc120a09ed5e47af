"""verify_answer: a model's text becomes an answer with the sources of its claims, or is replaced."""

from __future__ import annotations

from langgraph.runtime import Runtime

from desk.domain import Answer, Citation
from desk.events import Degraded, Revised
from desk.privacy.language import detect_language
from graphs.answering import answered, cite
from graphs.grounding.claims import may_claim
from graphs.grounding.sentences import split_sentences
from graphs.nodes.retrieve_faqs import answer_word_for_word, threshold
from graphs.prompting.briefing import Evidence, gather_evidence
from graphs.state import TurnContext, TurnState
from prompts.replies import LANGUAGES

MOST_CITED = 3
_SHARED_WORDS = 3


async def verify_answer(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """Accept the draft, or replace it by the best passage word for word; else leave it to fallback."""
    context, draft = runtime.context, state["draft"]
    if draft.text:
        return _accept(state, context, draft.text, await gather_evidence(state, context))
    if context.shown:
        context.shown = ""
        context.emit(Revised(""))
    passages = state.get("passages", ())
    several = bool(state.get("told"))  # their parts have answers of their own
    good = bool(passages) and passages[0].score >= threshold(context) and not several
    if draft.rejected:
        context.emit(Degraded("model answer", "a passage word for word" if good else "an honest answer"))
    return answer_word_for_word(state, passages[0], context) if good else {}


def _accept(state: TurnState, context: TurnContext, text: str, evidence: Evidence) -> TurnState:
    decision = state["decision"]
    citations = tuple(_cited(text, evidence))
    for citation in citations:
        cite(context, citation)
    return answered(
        state,
        Answer(
            text,
            detect_language(text[:500], previous=state["language"], supported=LANGUAGES),
            "model",
            decision.intent,
            decision.confidence,
            citations=citations,
            actions=state.get("offered", ()),
        ),
    )


def _cited(text: str, evidence: Evidence) -> list[Citation]:
    """The passages that the claims stand in; then those that share most longer words with the text."""
    claiming = filter(may_claim, split_sentences(text))
    places = [sorted(evidence.sources.places_of(sentence)) for sentence in claiming]
    said = _long_words(text)
    shared = [len(said & _long_words(source.text)) for source in evidence.sources.sources]
    # One passage a sentence is enough; where several hold its claims, the one that is nearest to the text.
    chosen = [max(found, key=lambda place: shared[place]) for found in places if found]
    alike = sorted(
        (place for place, count in enumerate(shared) if count >= _SHARED_WORDS), key=lambda i: -shared[i]
    )
    chosen += [place for place in alike if place not in chosen][: max(0, MOST_CITED - len(set(chosen)))]
    cited = [evidence.citations[place] for place in dict.fromkeys(chosen)]
    return [citation for citation in cited if citation is not None]


def _long_words(text: str) -> set[str]:
    return {word for word in text.casefold().split() if len(word) > 4}
