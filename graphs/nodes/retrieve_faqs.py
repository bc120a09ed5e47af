"""retrieve_faqs: passages of the tenant's knowledge; a good one is the answer itself, word for word."""

from __future__ import annotations

from dataclasses import replace

from langgraph.runtime import Runtime

from desk.domain import Answer
from desk.privacy.language import detect_language
from desk.retrieval.search import DEFAULT_THRESHOLD
from desk.routing.places import name_of, speaks_of_places
from desk.tooling import Passage
from graphs.answering import answered, cite
from graphs.hearing.agreement import weigh
from graphs.hearing.follow_up import asked_before, spelled_out
from graphs.hearing.parts import asked, unanswered
from graphs.nodes.screen import allows_model
from graphs.state import TurnContext, TurnState
from prompts.intents import Intent
from prompts.replies import DEFAULT_LANGUAGE, LANGUAGES, phrase, spoken_language

# So far a passage may be behind, and be the better one, where a question is not in English.
HARDLY_NEARER = 0.15
# Nearer than a passage of another language than English comes to a question that is not in its language.
IN_ITS_WORDS = 0.8


async def retrieve_faqs(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """Search; answer at once when the best passage is near enough, or is good and no model may speak."""
    context, parts = runtime.context, state.get("parts")
    # A question that was loaded without an answer may be found, and says nothing.
    found = [passage for passage in await _found(state, context) if passage.text.strip()]
    passages = readable_first(found, spoken_language(state["language"]))
    enough, about, decision = threshold(context), False, state["decision"]
    if decision.places:
        intent = await _intent(state, context)
        passages, about = await _about_the_places(intent, passages, state, context)
        decision = decision if intent and intent.reply else replace(decision, places=())
    if not about:
        passages, enough = await weigh(passages, state, context, enough)
    update: TurnState = {"passages": tuple(passages), "decision": decision}
    # A curated answer near enough to the question needs no model to say it again.
    needed = context.tuning.curated if may_call_model(state, context) else enough
    context.noted = {"needed": needed}
    if falls_back_on_reply({**state, **update}):
        return update
    if parts:
        update.update(_of_part(state, passages, context, enough))
    # Once its parts were tried, a message is for the model: a passage would answer one of them alone.
    elif passages and passages[0].score >= needed and not state.get("told"):
        update.update(answer_word_for_word(state, passages[0], context))
    return update


def readable_first(passages: list[Passage], language: str) -> list[Passage]:
    """What is written in the customer's language or in English before a third language that is hardly nearer.

    The embedder is made for English: words that several languages share bring their passages near.
    """
    best = max((passage.score for passage in passages), default=0.0)
    readable = {language, DEFAULT_LANGUAGE}
    return sorted(
        passages,
        key=lambda passage: passage.language not in readable or passage.score < best - HARDLY_NEARER,
    )


def _of_part(state: TurnState, passages: list[Passage], context: TurnContext, enough: float) -> TurnState:
    """The best passage if it is good; where a model may speak it is only to spare, unless it is curated."""
    if not passages or passages[0].score < enough:
        return unanswered(state)
    update = answer_word_for_word(state, passages[0], context)
    if may_call_model(state, context) and passages[0].score < context.tuning.curated:
        *before, last = update["told"]
        update["told"] = (*before, replace(last, spare=True))
    return update


def falls_back_on_reply(state: TurnState) -> bool:
    """Whether nothing was found about a country: then the intent's reply, which names none, is the answer."""
    return bool(state["decision"].places) and not state["passages"]


async def _intent(state: TurnState, context: TurnContext) -> Intent | None:
    understanding = await context.services.understandings.of(context.tenant, context.prompts)
    return understanding.pack.find(state["decision"].intent or "")


async def _about_the_places(
    intent: Intent | None, passages: list[Passage], state: TurnState, context: TurnContext
) -> tuple[list[Passage], bool]:
    """What speaks of the countries that are asked about, and whether anything does.

    If not: nothing where the intent has a reply to say, and what is known of them all where it has none.
    """
    # The intent's first example and the countries, in English, as most knowledge is.
    said = f"{intent.examples[0] if intent else ''} {' '.join(map(name_of, state['decision'].places))}"
    search, limit = context.services.engine.faqs.search, context.tuning.passages
    plainly = await search(context.principal, said, limit=limit)
    about = _of_the_places(plainly, state, context) or _of_the_places(passages, state, context)
    return about or ([] if intent and intent.reply else plainly), bool(about)


def _of_the_places(passages: list[Passage], state: TurnState, context: TurnContext) -> list[Passage]:
    """What speaks of the countries, before the rest; nothing where no good passage does."""
    places, least = frozenset(state["decision"].places), threshold(context)
    about = [passage for passage in passages if _speaks_of(passage, places) and passage.score >= least]
    return [*about, *(passage for passage in passages if passage not in about)] if about else []


def _speaks_of(passage: Passage, places: frozenset[str]) -> bool:
    return speaks_of_places(f"{passage.title} {passage.text}", places)


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
            _introduced(passage, spoken_language(state["language"])),
            passage.language,
            "faq",
            decision.intent,
            citation.score,
            citations=(citation,),
        ),
    )


def _introduced(passage: Passage, language: str) -> str:
    """The passage, after a sentence of the customer's own language where it is written in another one.

    Knowledge that was loaded without a language counts as English, so its text must read like it. What is
    very near in another language is in that of the question, whatever its few words were taken for.
    """
    if passage.language == language:
        return passage.text
    if passage.language != DEFAULT_LANGUAGE and passage.score >= IN_ITS_WORDS:
        return passage.text
    if detect_language(passage.text, previous=language, supported=LANGUAGES) != passage.language:
        return passage.text
    written_in = phrase(f"language_{passage.language}", language)
    return f"{phrase('only_other_language', language, written_in=written_in)}\n{passage.text}"


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
