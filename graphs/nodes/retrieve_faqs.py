"""retrieve_faqs: passages of the tenant's knowledge; a good one is the answer itself, word for word."""

from __future__ import annotations

from dataclasses import replace

from langgraph.runtime import Runtime

from desk.domain import Answer
from desk.retrieval.search import DEFAULT_THRESHOLD
from desk.tooling import Passage
from graphs.answering import answered, cite
from graphs.hearing.follow_up import asked_before, spelled_out
from graphs.hearing.parts import asked, unanswered
from graphs.nodes.screen import allows_model
from graphs.state import TurnContext, TurnState


async def retrieve_faqs(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """Search; answer at once when the best passage is near enough, or is good and no model may speak."""
    context, parts = runtime.context, state.get("parts")
    # A question that was loaded without an answer may be found, and says nothing.
    passages = [passage for passage in await _found(state, context) if passage.text.strip()]
    update: TurnState = {"passages": tuple(passages)}
    # A curated answer near enough to the question needs no model to say it again.
    needed = context.tuning.curated if may_call_model(state, context) else threshold(context)
    context.noted = {"needed": needed}
    if parts:
        update.update(_of_part(state, passages, context))
    # Once its parts were tried, a message is for the model: a passage would answer one of them alone.
    elif passages and passages[0].score >= needed and not state.get("told"):
        update.update(answer_word_for_word(state, passages[0], context))
    return update


def _of_part(state: TurnState, passages: list[Passage], context: TurnContext) -> TurnState:
    """The best passage if it is good; where a model may speak it is only to spare, unless it is curated."""
    if not passages or passages[0].score < threshold(context):
        return unanswered(state)
    update = answer_word_for_word(state, passages[0], context)
    if may_call_model(state, context) and passages[0].score < context.tuning.curated:
        *before, last = update["told"]
        update["told"] = (*before, replace(last, spare=True))
    return update


async def _found(state: TurnState, context: TurnContext) -> list[Passage]:
    """Passages for the message, or for how others ask the same in full if they are nearer to that."""
    search, limit = context.services.engine.faqs.search, context.tuning.passages
    vector = None if state.get("parts") else context.vector
    said, before = asked(state, context), asked_before(state)
    passages = await search(context.principal, said, vector, limit=limit, before=before)
    if not state["decision"].goes_on or vector is None:
        return passages
    understanding = await context.services.understandings.of(context.tenant, context.prompts)
    fuller = spelled_out(state, understanding, vector)
    found = await search(context.principal, fuller, limit=limit) if fuller else []
    return found if found and (not passages or found[0].score > passages[0].score) else passages


def answer_word_for_word(state: TurnState, passage: Passage, context: TurnContext) -> TurnState:
    """The passage as the answer, with its citation."""
    decision = state["decision"]
    citation = passage.citation()
    if not state.get("parts"):  # else it is shown with the answers to the other parts
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
