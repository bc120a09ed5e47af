"""What is kept of a turn that its customer cancelled: the question, and the answer as far as it was shown."""

from __future__ import annotations

from typing import Any

import langsmith
from langgraph.graph.state import CompiledStateGraph

from desk.domain import Answer, MessageId, new_id
from desk.errors import Cancelled
from desk.privacy.language import detect_language
from desk.privacy.pseudonyms import scrub
from desk.storage import checkpoint_rows, conversations, messages, steps, turns
from desk.storage.checkpoint_seals import open_row
from desk.storage.messages import NewMessage
from desk.storage.staging import StagedSaver
from desk.storage.threads import thread_id
from graphs.inbox import AcceptedTurn
from graphs.reply import build_reply
from graphs.state import Line, TurnContext
from graphs.streams import problem_of
from prompts.replies import LANGUAGES

# The node whose update the window is filed as; any that ends a turn would do.
_AS_NODE = "fallback"


async def commit_stopped(
    context: TurnContext,
    turn: AcceptedTurn,
    graph: CompiledStateGraph[Any, Any, Any, Any] | None,
    *,
    total_ms: float,
) -> dict[str, Any]:
    """Commit what was said under the fence, and return the problem that ends the stream.

    With `graph` (None for one that has no window) the next turn's model sees both lines. Raises Fenced.
    """
    asked, said = await _scrubbed(context)
    lines: list[Line] = [{"role": "user", "text": asked}]
    lines += [{"role": "assistant", "text": said}] if said else []
    claim, key, principal = turn.claim, turn.key, turn.principal
    saver = await _with_window(turn, graph, lines) if graph is not None else None
    checkpoint = saver.sealed(key) if saver is not None else None
    answer = Answer(said, _language(context), "model")
    reply = build_reply(answer, context, total_ms=total_ms)
    reply_sealed = key.seal_json(reply, aad=turns.reply_aad(claim.turn_id))
    steps_sealed = key.seal_json(context.steps, aad=steps.steps_aad(claim.turn_id))
    vault_sealed = key.seal_json(context.vault.to_json(), aad=conversations.vault_aad(claim.conversation_id))
    problem = problem_of(Cancelled(), claim.turn_id)
    kept = tuple(_message(turn, line) for line in lines)
    async with context.services.engine.database.tenant_tx(principal, pipeline=True) as tx:
        await turns.pass_fence(tx, claim)
        await messages.add(tx, principal, claim.conversation_id, claim.turn_id, kept)
        if checkpoint is not None:
            await checkpoint_rows.replace(tx, checkpoint)
        await steps.add(tx, principal, claim.turn_id, steps_sealed)
        await conversations.record_turn(tx, claim.conversation_id, vault_sealed, added=len(kept))
        await turns.stop(tx, claim.turn_id, reply_sealed, problem)
    return problem


async def _scrubbed(context: TurnContext) -> tuple[str, str]:
    """Question and shown answer with pseudonyms: what was shown is restored text."""
    patterns = context.tenant.settings.order_patterns
    terms = await context.services.engine.catalogue_terms(context.tenant)
    asked = scrub(context.text, context.vault, order_patterns=patterns, allowed_terms=terms)
    said = scrub(context.shown, asked.vault, order_patterns=patterns, allowed_terms=terms)
    context.vault = said.vault
    return asked.text, said.text


async def _with_window(
    turn: AcceptedTurn, graph: CompiledStateGraph[Any, Any, Any, Any], lines: list[Line]
) -> StagedSaver:
    """The state at the turn's start with the lines on top: what the stopped run staged is left behind."""
    claim = turn.claim
    thread = thread_id(claim.tenant_id, claim.subject_id, claim.conversation_id)
    saver = StagedSaver(thread, open_row(turn.checkpoint, turn.key) if turn.checkpoint else None)
    with langsmith.tracing_context(enabled=False):
        await graph.aupdate_state({"configurable": saver.configurable}, {"window": lines}, as_node=_AS_NODE)
    return saver


def _language(context: TurnContext) -> str:
    previous = context.locale or context.tenant.settings.locale
    return detect_language(context.text[:500], previous=previous, supported=LANGUAGES)


def _message(turn: AcceptedTurn, line: Line) -> NewMessage:
    message_id = MessageId(new_id())
    sealed = turn.key.seal_text(line["text"], aad=messages.text_aad(message_id))
    return NewMessage(message_id, line["role"], sealed, "model" if line["role"] == "assistant" else None)
