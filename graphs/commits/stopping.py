"""What is kept of a turn that its customer cancelled: the question, and the answer as far as it was shown."""

from __future__ import annotations

from typing import Any

from desk.domain import Answer
from desk.errors import Cancelled
from desk.privacy.language import detect_language
from desk.privacy.pseudonyms import scrub
from desk.storage import turn_commits
from desk.storage.staging import StagedSaver
from graphs.commits.inbox import AcceptedTurn
from graphs.commits.outcome import seal_outcome
from graphs.crash_points import crash_point
from graphs.flow import Flow
from graphs.reply import build_reply
from graphs.state import Line, TurnContext
from graphs.streams.turn_stream import problem_of
from prompts.replies import LANGUAGES


async def commit_stopped(
    context: TurnContext,
    turn: AcceptedTurn,
    flow: Flow,
    saver: StagedSaver,
    *,
    total_ms: float,
) -> dict[str, Any]:
    """Commit what was said under the fence, and return the problem that ends the stream.

    The state is that at the turn's start with both lines on top, so the next turn's model sees them; what the
    stopped run staged is left behind. Raises Fenced.
    """
    asked, shown = await _scrubbed(context)
    lines: list[Line] = [{"role": "user", "text": asked}]
    lines += [{"role": "assistant", "text": shown}] if shown else []
    flow.stage(saver, {"window": lines, "offers": []})
    reply = build_reply(Answer(shown, _language(context), "model"), context, total_ms=total_ms)
    problem = problem_of(Cancelled(), turn.claim.turn_id)
    kept = saver.sealed(turn.key)
    outcome = seal_outcome(context, turn, asked, shown, reply, kept, state="cancelled", problem=problem)
    engine = context.services.engine
    crash_point(engine.settings, "before_stop")
    await turn_commits.commit(engine.database, turn.principal, turn.claim, outcome)
    crash_point(engine.settings, "after_stop")
    return problem


async def _scrubbed(context: TurnContext) -> tuple[str, str]:
    """Question and shown answer with pseudonyms: what was shown is restored text."""
    patterns = context.tenant.settings.order_patterns
    terms = await context.services.engine.catalogue_terms(context.tenant)
    asked = scrub(context.text, context.vault, order_patterns=patterns, allowed_terms=terms, guess=True)
    said = scrub(context.shown, asked.vault, order_patterns=patterns, allowed_terms=terms)
    context.vault = said.vault
    return asked.text, said.text


def _language(context: TurnContext) -> str:
    previous = context.locale or context.tenant.settings.locale
    return detect_language(context.text[:500], previous=previous, supported=LANGUAGES)
