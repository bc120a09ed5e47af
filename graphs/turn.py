"""`run_turn`: the one way to run a graph, from an accepted turn to its final commit, telling events."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import langsmith
from langgraph.graph.state import CompiledStateGraph

from desk.domain import Answer, HandoffId, HandoffState, MessageId, new_id
from desk.events import Accepted, Done, Failed, HandoffChanged, Token, TurnEvent
from desk.privacy.language import detect_language
from desk.privacy.pseudonyms import restore, scrub
from desk.storage import checkpoint_rows, conversations, handoffs, messages, steps, turns, usage
from desk.storage.checkpoint_seals import open_row
from desk.storage.messages import NewMessage
from desk.storage.pool import Tx
from desk.storage.staging import StagedSaver
from desk.storage.threads import thread_id
from graphs.answering import say
from graphs.brake import Brake, Stopped
from graphs.crash_points import crash_point
from graphs.inbox import AcceptedTurn
from graphs.ledger import Ledger
from graphs.office_hours import due_at
from graphs.reply import build_reply, restored
from graphs.services import Services
from graphs.state import TurnContext, TurnState
from graphs.stopping import commit_stopped
from graphs.support import build_support_graph
from prompts.replies import LANGUAGES

Emit = Callable[[TurnEvent], None]


async def run_turn(services: Services, turn: AcceptedTurn, emit: Emit, brake: Brake | None = None) -> None:
    """Run the graph and commit what came of it; the last event is `done`, after the commit.

    If the brake is pulled while the graph runs, what was shown is committed and the last event is an `error`.

    Raises Fenced when another process owns the turn, and whatever the graph raises: the caller decides
    what becomes of a turn that failed. Must run in a task with an empty contextvars context, so that no
    callback of a framework above sees the state of the nodes.
    """
    began = time.perf_counter()
    emit(Accepted(turn.claim.turn_id, turn.claim.conversation_id))
    context = await _context(services, turn, emit)
    saver = _saver(turn)
    crash_point(services.engine.settings, "accepted")
    run = _leave_for_the_person if turn.mode == "human" else _run_graph
    try:
        answer, asked = await (brake or Brake()).stoppable(run(context, saver))
    except Stopped:
        graph = compiled_graph() if services.graph is None else None
        total_ms = (time.perf_counter() - began) * 1000
        emit(Failed(await commit_stopped(context, turn, graph, total_ms=total_ms)))
        return
    if not context.shown:
        emit(Token(restore(answer.text, context.vault)))
    reply = build_reply(answer, context, total_ms=(time.perf_counter() - began) * 1000)
    crash_point(services.engine.settings, "before_commit")
    handed = await _commit(context, turn, Exchange(asked, answer, reply), saver)
    crash_point(services.engine.settings, "after_commit")
    if handed is not None:
        emit(HandoffChanged(*handed))
    emit(Done(restored(reply, context.vault)))


@lru_cache(maxsize=1)
def compiled_graph() -> CompiledStateGraph[TurnState, TurnContext, Any, Any]:
    """The support graph, compiled once a process."""
    return build_support_graph().compile()


async def _context(services: Services, turn: AcceptedTurn, emit: Emit) -> TurnContext:
    ledger = Ledger(services.engine.database, turn.principal, turn.claim, turn.key)
    if turn.claim.attempts > 1:
        await ledger.load()
    return TurnContext(
        turn_id=turn.claim.turn_id,
        conversation_id=turn.claim.conversation_id,
        principal=turn.principal,
        tenant=turn.tenant,
        text=turn.message,
        locale=turn.locale,
        now=datetime.now(UTC),
        services=services,
        ledger=ledger,
        vault=turn.vault,
        emit=emit,
    )


def _saver(turn: AcceptedTurn) -> StagedSaver:
    claim = turn.claim
    thread = thread_id(claim.tenant_id, claim.subject_id, claim.conversation_id)
    loaded = open_row(turn.checkpoint, turn.key) if turn.checkpoint else None
    return StagedSaver(thread, loaded)


async def _run_graph(context: TurnContext, saver: StagedSaver) -> tuple[Answer, str]:
    """The graph's answer, and the message as it may be stored."""
    graph = context.services.graph or compiled_graph()
    with langsmith.tracing_context(enabled=False):
        state = await graph.ainvoke(
            {"window": []},
            {"configurable": saver.configurable},
            context=context,
            durability="exit",
        )
    return state["answer"], state["text"]


async def _leave_for_the_person(context: TurnContext, saver: StagedSaver) -> tuple[Answer, str]:
    """While a person has the conversation no graph runs: the message is recorded for them."""
    async with context.services.engine.database.tenant_tx(context.principal) as tx:
        open_handoff = await handoffs.get_open(tx, context.conversation_id)
    if open_handoff is None:  # nobody would ever read it
        return await _run_graph(context, saver)
    settings = context.tenant.settings
    scrubbed = scrub(context.text, context.vault, order_patterns=settings.order_patterns)
    context.vault = scrubbed.vault
    previous = context.locale or settings.locale
    language = detect_language(context.text[:500], previous=previous, supported=LANGUAGES)
    key = "handoff_delivered" if open_handoff.state == "human" else "handoff_already"
    return say({"language": language}, key, "handoff", intent="human"), scrubbed.text


@dataclass(frozen=True, slots=True)
class Exchange:
    """What was asked and what is answered, both with pseudonyms, and the reply object to store."""

    asked: str
    answer: Answer
    reply: dict[str, Any]


async def _commit(
    context: TurnContext, turn: AcceptedTurn, exchange: Exchange, saver: StagedSaver
) -> tuple[HandoffId, HandoffState] | None:
    """COMMIT 2: messages, checkpoint, steps, usage, handoff and reply: one round trip, under the fence.

    Gives the handoff that the turn asked for, as it stands now.
    """
    key, claim, principal = turn.key, turn.claim, turn.principal
    said = _messages(turn, exchange)
    checkpoint = saver.sealed(key)
    reply_sealed = key.seal_json(exchange.reply, aad=turns.reply_aad(claim.turn_id))
    steps_sealed = key.seal_json(context.steps, aad=steps.steps_aad(claim.turn_id))
    vault_sealed = key.seal_json(context.vault.to_json(), aad=conversations.vault_aad(claim.conversation_id))
    async with context.services.engine.database.tenant_tx(principal, pipeline=True) as tx:
        await turns.pass_fence(tx, claim)
        await messages.add(tx, principal, claim.conversation_id, claim.turn_id, said)
        if checkpoint is not None:
            await checkpoint_rows.replace(tx, checkpoint)
        await steps.add(tx, principal, claim.turn_id, steps_sealed)
        if context.model is not None:
            await usage.add(tx, principal, claim.turn_id, context.model, context.usage)
        await conversations.record_turn(tx, claim.conversation_id, vault_sealed, added=len(said))
        route, intent = exchange.answer.route, exchange.answer.intent
        await turns.finish(tx, claim.turn_id, reply_sealed, route=route, intent=intent)
        return await _hand_over(tx, context, turn, said[0].id)


async def _hand_over(
    tx: Tx, context: TurnContext, turn: AcceptedTurn, asked: MessageId
) -> tuple[HandoffId, HandoffState] | None:
    """Record that a person is asked for, or has a new message; the commit's last act: it takes locks."""
    claim = turn.claim
    if context.handoff is not None:
        opened = await (await handoffs.request(tx, turn.principal, claim, context.handoff)).fetchone()
        return (opened[0], opened[1]) if opened else None
    if turn.mode == "human":
        due = due_at(context.tenant.settings, context.now)
        await handoffs.note_message(tx, claim.conversation_id, asked, due)
    return None


def _messages(turn: AcceptedTurn, exchange: Exchange) -> tuple[NewMessage, NewMessage]:
    asked, told = MessageId(new_id()), MessageId(new_id())
    return (
        NewMessage(asked, "user", turn.key.seal_text(exchange.asked, aad=messages.text_aad(asked))),
        NewMessage(
            told,
            "assistant",
            turn.key.seal_text(exchange.answer.text, aad=messages.text_aad(told)),
            exchange.answer.route,
        ),
    )
