"""retrieve_faqs: passages of the tenant's knowledge; a good one is the answer itself, word for word."""

from __future__ import annotations

from langgraph.runtime import Runtime

from desk.domain import Answer
from desk.retrieval.search import DEFAULT_THRESHOLD
from desk.tooling import Passage
from graphs.answering import answered, cite
from graphs.nodes.screen import allows_model
from graphs.state import TurnContext, TurnState


async def retrieve_faqs(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """Search; answer at once when the best passage is near enough, or is good and no model may speak."""
    context = runtime.context
    passages = await context.services.engine.faqs.search(
        context.principal,
        context.text,
        context.vector,
        limit=context.tuning.passages,
        before=_asked_before(state),
    )
    update: TurnState = {"passages": tuple(passages)}
    # A curated answer near enough to the question needs no model to say it again.
    needed = context.tuning.curated if may_call_model(state, context) else threshold(context)
    context.noted = {"needed": needed}
    if passages and passages[0].score >= needed:
        update.update(answer_word_for_word(state, passages[0], context))
    return update


def _asked_before(state: TurnState) -> str:
    """What the customer wrote before this message (the window's last line of theirs); empty for the first."""
    written = [line["text"] for line in state.get("window", []) if line["role"] == "user"]
    return written[-2] if len(written) > 1 else ""


def answer_word_for_word(state: TurnState, passage: Passage, context: TurnContext) -> TurnState:
    """The passage as the answer, with its citation."""
    decision = state["decision"]
    citation = passage.citation()
    cite(context, citation)
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
    """The least score of a passage that is an answer, as this run, the tenant or the measurement set it."""
    tried = context.tuning.faq_threshold
    own = context.tenant.settings.faq_threshold if tried is None else tried
    return DEFAULT_THRESHOLD if own is None else own


def may_call_model(state: TurnState, context: TurnContext) -> bool:
    """Whether a model is configured, the tenant lets it see this, and nothing was flagged."""
    model = context.services.engine.model
    if model is None or not allows_model(state):
        return False
    settings = context.tenant.settings
    return model.permits(settings.models, external_models=settings.external_models)
