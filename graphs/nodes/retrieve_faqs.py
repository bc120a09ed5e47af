"""retrieve_faqs: passages of the tenant's knowledge; a good one is the answer itself, word for word."""

from __future__ import annotations

from langgraph.runtime import Runtime

from desk.domain import Answer
from desk.events import Cited
from desk.retrieval.search import DEFAULT_THRESHOLD
from desk.tooling import Passage
from graphs.answering import answered
from graphs.nodes.screen import allows_model
from graphs.state import TurnContext, TurnState

PASSAGES = 5
# A curated answer this near to the question needs no model to say it again.
CURATED = 0.9


async def retrieve_faqs(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """Search; answer at once when the best passage is near enough, or is good and no model may speak."""
    context = runtime.context
    passages = await context.services.engine.faqs.search(
        context.principal, context.text, context.vector, limit=PASSAGES
    )
    update: TurnState = {"passages": tuple(passages)}
    needed = CURATED if may_call_model(state, context) else threshold(context)
    if passages and passages[0].score >= needed:
        update.update(answer_word_for_word(state, passages[0], context))
    return update


def answer_word_for_word(state: TurnState, passage: Passage, context: TurnContext) -> TurnState:
    """The passage as the answer, with its citation."""
    decision = state["decision"]
    citation = passage.citation()
    context.emit(Cited(citation))
    return answered(
        state,
        Answer(
            passage.text,
            passage.language,
            "faq",
            decision.intent,
            citation.score,
            citations=(citation,),
        ),
    )


def threshold(context: TurnContext) -> float:
    """The least score of a passage that is an answer, as the tenant or the measurement set it."""
    own = context.tenant.settings.faq_threshold
    return DEFAULT_THRESHOLD if own is None else own


def may_call_model(state: TurnState, context: TurnContext) -> bool:
    """Whether a model is configured, the tenant lets it see this, and nothing was flagged."""
    model = context.services.engine.model
    if model is None or not allows_model(state):
        return False
    return model.permits(external_models=context.tenant.settings.external_models)
