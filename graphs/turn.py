"""`run_turn`: the one way to run a graph, from an accepted turn to its final commit, telling events."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from desk.domain import Answer, HandoffId, HandoffState, MessageId
from desk.events import Accepted, Done, Failed, HandoffChanged, Token, TurnEvent
from desk.privacy.language import detect_language
from desk.privacy.pseudonyms import restore, scrub
from desk.storage import handoffs, turn_commits
from desk.storage.checkpoint_seals import open_row
from desk.storage.pool import Tx
from desk.storage.staging import StagedSaver
from desk.storage.threads import thread_id
from desk.storage.turn_commits import Outcome
from graphs.acting.ledger import Ledger
from graphs.answering import say
from graphs.brake import Brake, Stopped
from graphs.commits.inbox import AcceptedTurn
from graphs.commits.outcome import seal_outcome
from graphs.commits.stopping import commit_stopped
from graphs.commits.traced import offer_trace
from graphs.crash_points import crash_around, crash_point
from graphs.flow import Flow
from graphs.handoffs.office_hours import due_at
from graphs.nodes.confirm_action import tapped_text
from graphs.prompting.pinning import choose_prompts
from graphs.reply import build_reply, restored
from graphs.services import Services
from graphs.state import TurnContext
from graphs.support import build_support_graph
from prompts.choice import PromptChoice
from prompts.replies import LANGUAGES

Emit = Callable[[TurnEvent], None]


async def run_turn(
    services: Services,
    turn: AcceptedTurn,
    emit: Emit,
    brake: Brake | None = None,
    *,
    prompts: PromptChoice | None = None,
) -> None:
    """Run the graph and commit what came of it; the last event is `done`, after the commit.

    With `prompts` it is run with these, and not with those that the tenant's labels say.

    If the brake is pulled while the graph runs, what was shown is committed and the last event is an `error`.

    Raises Fenced when another process owns the turn, and whatever the graph raises: the caller decides
    what becomes of a turn that failed. Must run in a task that `graphs.untraced` spawned, so that no
    callback of a framework above sees the state of the nodes.
    """
    began = time.perf_counter()
    settings = services.engine.settings
    emit = crash_around(settings, emit)
    emit(Accepted(turn.claim.turn_id, turn.claim.conversation_id))
    saver = _saver(turn)
    context = await _context(services, turn, saver, emit, brake or Brake())
    pinned = await choose_prompts(services, turn, context, saver.state, prompts)
    crash_point(settings, "before_run")
    run = _leave_for_the_person if turn.mode == "human" else _run_graph
    try:
        answer, asked = await context.brake.stoppable(run(context, saver, pinned))
    except Stopped:
        total_ms = (time.perf_counter() - began) * 1000
        emit(Failed(await commit_stopped(context, turn, flow_of(services), _saver(turn), total_ms=total_ms)))
        return
    if not context.shown:
        emit(Token(restore(answer.text, context.vault)))
    reply = build_reply(answer, context, total_ms=(time.perf_counter() - began) * 1000)
    crash_point(settings, "before_commit")
    outcome = seal_outcome(context, turn, asked, answer.text, reply, saver.sealed(turn.key))
    handed = await _commit(context, turn, outcome)
    crash_point(settings, "after_commit")
    if handed is not None:
        emit(HandoffChanged(*handed))
    emit(Done(restored(reply, context.vault)))
    offer_trace(context, asked, reply)


@lru_cache(maxsize=1)
def support_flow() -> Flow:
    """The support graph as it is run, made once a process; what waits for a model or a tool stands apart."""
    return Flow(build_support_graph(), apart=("call_llm", "run_tools"))


def flow_of(services: Services) -> Flow:
    """The graph that turns of these services run."""
    return services.flow or support_flow()


async def _context(
    services: Services, turn: AcceptedTurn, saver: StagedSaver, emit: Emit, brake: Brake
) -> TurnContext:
    engine = services.engine
    ledger = Ledger(engine.settings, engine.database, turn.principal, turn.claim, turn.key)
    if turn.claim.attempts > 1:
        await ledger.load()
    text = turn.message
    if turn.confirm:
        said = tapped_text(saver.state, turn.confirm, turn.locale or turn.tenant.settings.locale)
        text = restore(said, turn.vault)
    return TurnContext(
        turn_id=turn.claim.turn_id,
        conversation_id=turn.claim.conversation_id,
        principal=turn.principal,
        tenant=turn.tenant,
        text=text,
        locale=turn.locale,
        now=datetime.now(UTC),
        services=services,
        ledger=ledger,
        vault=turn.vault,
        emit=emit,
        # What a run before has asked a tool for must be brought to its end, whoever cancels.
        brake=Brake() if ledger.acted else brake,
        confirm=turn.confirm,
        start=saver.state,
    )


def _saver(turn: AcceptedTurn) -> StagedSaver:
    claim = turn.claim
    thread = thread_id(claim.tenant_id, claim.subject_id, claim.conversation_id)
    loaded = open_row(turn.checkpoint, turn.key) if turn.checkpoint else None
    return StagedSaver(thread, loaded)


async def _run_graph(context: TurnContext, saver: StagedSaver, pinned: dict[str, Any]) -> tuple[Answer, str]:
    """The graph's answer, and the message as it may be stored."""
    state = await flow_of(context.services).run(saver, context, also=pinned)
    return state["answer"], state["text"]


async def _leave_for_the_person(
    context: TurnContext, saver: StagedSaver, pinned: dict[str, Any]
) -> tuple[Answer, str]:
    """While a person has the conversation no graph runs: the message is recorded for them."""
    async with context.services.engine.database.tenant_tx(context.principal) as tx:
        open_handoff = await handoffs.get_open(tx, context.conversation_id)
    if open_handoff is None:  # nobody would ever read it
        return await _run_graph(context, saver, pinned)
    settings = context.tenant.settings
    scrubbed = scrub(context.text, context.vault, order_patterns=settings.order_patterns, guess=True)
    context.vault = scrubbed.vault
    previous = context.locale or settings.locale
    language = detect_language(context.text[:500], previous=previous, supported=LANGUAGES)
    key = "handoff_delivered" if open_handoff.state == "human" else "handoff_already"
    return say({"language": language}, key, "handoff", intent="human"), scrubbed.text


async def _commit(
    context: TurnContext, turn: AcceptedTurn, outcome: Outcome
) -> tuple[HandoffId, HandoffState] | None:
    """COMMIT 2, under the fence: one call, or one transaction if a person is asked for or has a new message.

    Gives the handoff that the turn asked for, as it stands now.
    """
    database, principal, claim = context.services.engine.database, turn.principal, turn.claim
    if context.handoff is None and turn.mode != "human":
        await turn_commits.commit(database, principal, claim, outcome)
        return None
    async with database.tenant_tx(principal) as tx:
        await turn_commits.commit_in(tx, database, principal, claim, outcome)
        return await _hand_over(tx, context, turn, outcome.asked.id)


async def _hand_over(
    tx: Tx, context: TurnContext, turn: AcceptedTurn, asked: MessageId
) -> tuple[HandoffId, HandoffState] | None:
    """Record that a person is asked for, or has a new message; the commit's last act: it takes locks."""
    claim = turn.claim
    if context.handoff is not None:
        opened = await (await handoffs.request(tx, turn.principal, claim, context.handoff)).fetchone()
        return (opened[0], opened[1]) if opened else None
    due = due_at(context.tenant.settings, context.now)
    await handoffs.note_message(tx, claim.conversation_id, asked, due)
    return None
