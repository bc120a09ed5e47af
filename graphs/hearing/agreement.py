"""Whether router and search agree: a FAQ's own question, were it asked, would have the message's intent."""

from __future__ import annotations

from typing import Final

from desk.routing.follow_up import begins_like_one, points_back
from desk.tooling import Passage
from graphs.hearing.follow_up import asked_before
from graphs.hearing.parts import asked
from graphs.state import TurnContext, TurnState

# Where they agree a passage is an answer from so much less than the threshold on, where they do not from so
# much more on; and what they agree on comes before what is no nearer than NEARLY.
AGREED: Final = 0.14
DISAGREED: Final = 0.15
NEARLY: Final = 0.15


async def weigh(
    passages: list[Passage], state: TurnState, context: TurnContext, enough: float
) -> tuple[list[Passage], float]:
    """The passages, those first on which router and search agree, and from which score on the first answers.

    `enough` is the threshold where neither is known.
    """
    if not passages or passages[0].score < enough - AGREED:  # no answer, whatever both say
        return passages, enough
    near = [passage for passage in passages if passage.score >= passages[0].score - NEARLY]
    theirs = await _intents_of([passage.title for passage in near], context)
    ours = state["decision"].intent
    agreed = [
        passage for passage, intent in zip(near, theirs, strict=True) if intent is not None and intent == ours
    ]
    if agreed and agreed[0].score >= enough - AGREED:
        return [*agreed, *(passage for passage in passages if passage not in agreed)], enough - AGREED
    said = asked(state, context)
    if theirs[0] is None or (asked_before(state) and (begins_like_one(said) or points_back(said))):
        return passages, enough  # what goes on with the message before asks little by itself
    disagreed = theirs[0] != (ours or await _likeliest(said, context))
    return passages, enough + DISAGREED if disagreed else enough


async def _intents_of(questions: list[str], context: TurnContext) -> list[str | None]:
    """The intents that questions would have which are asked by themselves; None where that is not sure."""
    understanding = await context.services.understandings.of(context.tenant, context.prompts)
    vectors = await context.services.engine.embedder.embed(questions)
    return [
        understanding.route(question, vector).intent
        for question, vector in zip(questions, vectors, strict=True)
    ]


async def _likeliest(said: str, context: TurnContext) -> str:
    """The likeliest intent, though the router is not sure of it."""
    understanding = await context.services.understandings.of(context.tenant, context.prompts)
    spelled = understanding.spelled(said)
    [vector] = await context.services.engine.embedder.embed([spelled])
    return understanding.route(spelled, vector).candidate
