"""The two commits of a turn, each one call of a function in Postgres: one message there and one back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

import orjson
import psycopg
import psycopg.errors

from desk.domain import (
    ConversationId,
    ConversationMode,
    DoubleTexting,
    Principal,
    PromptRef,
    Route,
    TurnId,
    Usage,
)
from desk.errors import Conflict, NotFound
from desk.storage import checkpoint_rows
from desk.storage.checkpoint_rows import CheckpointKey, CheckpointRow
from desk.storage.messages import NewMessage
from desk.storage.pool import Database, Tx
from desk.storage.threads import thread_id
from desk.storage.turns import LEASE_SECONDS, Claim

MOST_WAITING = 8

# Raised in migrations/0010_turn_calls.sql.
_TOO_MANY_WAIT = "DG002"
_KEY_SPENT = "DG004"  # raised by refuse_spent()


class KeyTaken(Exception):
    """The caller used this Idempotency-Key before; the stored turn is the answer, if it has the same body."""


@dataclass(frozen=True, slots=True)
class NewTurn:
    """A message about to be accepted, its input sealed; `opens` a new conversation, or goes on with one."""

    id: TurnId
    conversation_id: ConversationId
    idempotency_key: str
    request_hash: bytes
    input_sealed: bytes
    opens: bool = False
    channel: str = "web"
    locale: str | None = None


@dataclass(frozen=True, slots=True)
class Ground:
    """What a turn stands on: its conversation as the turns before left it."""

    locale: str | None
    mode: ConversationMode
    vault_sealed: bytes | None
    checkpoint: CheckpointRow | None


@dataclass(frozen=True, slots=True)
class Place:
    """An accepted turn's place in the queue.

    One that is not `running` waits for those before it, and wants `interrupts` stopped.
    """

    fence: int
    running: bool
    interrupts: tuple[TurnId, ...]
    ground: Ground


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that came of a turn, sealed; `problem` says why a cancelled one has no whole answer."""

    state: Literal["done", "cancelled"]
    reply_sealed: bytes
    vault_sealed: bytes
    steps_sealed: bytes
    asked: NewMessage
    told: NewMessage | None
    checkpoint: CheckpointRow | None
    route: Route | None = None
    intent: str | None = None
    problem: dict[str, Any] | None = None
    model: str | None = None
    usage: Usage = field(default_factory=Usage)
    bundle: str | None = None
    prompt: PromptRef | None = None
    prompt_label: str | None = None


async def accept(
    database: Database, principal: Principal, new: NewTurn, double_texting: DoubleTexting
) -> Place:
    """COMMIT 1: put the turn into the inbox and the queue; after it the turn cannot be lost.

    With `reject` a busy conversation raises Conflict. Otherwise the turn waits for its order, and
    `interrupt` cancels all that are before it; Conflict when too many wait. Raises KeyTaken, and NotFound
    when the conversation does not exist, was deleted, or is another person's.
    """
    assert principal.subject_id is not None
    thread = thread_id(principal.tenant_id, principal.subject_id, new.conversation_id)
    values = (
        new.id,
        new.conversation_id,
        new.opens,
        new.channel,
        new.locale,
        new.idempotency_key,
        new.request_hash,
        new.input_sealed,
        thread,
        double_texting,
        timedelta(seconds=LEASE_SECONDS),
        MOST_WAITING,
    )
    try:
        row = await database.tenant_call(principal, "accept_turn", values)
    except psycopg.IntegrityError as error:
        raise _refusal(error) from error
    except psycopg.DatabaseError as error:
        if error.sqlstate == _TOO_MANY_WAIT:
            raise Conflict("Too many messages wait in this conversation; try again in a moment.") from error
        if error.sqlstate == _KEY_SPENT:
            raise NotFound("The conversation that this Idempotency-Key belongs to was deleted.") from error
        raise
    if row is None:
        raise NotFound
    fence, running, interrupts, *ground = row
    return Place(fence, running, tuple(interrupts), await _ground(database, principal, thread, ground))


async def commit(database: Database, principal: Principal, claim: Claim, outcome: Outcome) -> None:
    """COMMIT 2: pass the fence and keep all of it; raises Fenced when another process owns the turn.

    The checkpoint becomes the only one of its thread.
    """
    if outcome.checkpoint is not None and outcome.checkpoint.writes:
        async with database.tenant_tx(principal) as tx:
            await commit_in(tx, database, principal, claim, outcome)
    else:
        await database.tenant_call(principal, "commit_turn", _values(claim, outcome))


async def commit_in(tx: Tx, database: Database, principal: Principal, claim: Claim, outcome: Outcome) -> None:
    """The same as the first act of a transaction that does more."""
    await database.tenant_call(principal, "commit_turn", _values(claim, outcome), tx=tx)
    if outcome.checkpoint is not None:
        await checkpoint_rows.add_writes(tx, outcome.checkpoint.key, outcome.checkpoint.writes)


def _values(claim: Claim, outcome: Outcome) -> tuple[Any, ...]:
    asked, told, usage, prompt = outcome.asked, outcome.told, outcome.usage, outcome.prompt
    return (
        claim.turn_id,
        claim.fence,
        claim.conversation_id,
        outcome.state,
        outcome.route,
        outcome.intent,
        outcome.reply_sealed,
        orjson.dumps(outcome.problem).decode() if outcome.problem else None,
        outcome.vault_sealed,
        outcome.steps_sealed,
        asked.id,
        asked.text_sealed,
        *((told.id, told.text_sealed, told.route) if told else (None, None, None)),
        *_checkpoint_values(outcome.checkpoint),
        outcome.model,
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.cost_usd,
        outcome.bundle,
        *((prompt.name, prompt.version, outcome.prompt_label) if prompt else (None, None, None)),
    )


def _checkpoint_values(checkpoint: CheckpointRow | None) -> tuple[Any, ...]:
    if checkpoint is None:
        return (None,) * 5
    return (
        checkpoint.key.thread_id,
        checkpoint.key.checkpoint_id,
        checkpoint.parent_checkpoint_id,
        checkpoint.checkpoint_sealed,
        checkpoint.metadata_sealed,
    )


async def _ground(database: Database, principal: Principal, thread: str, row: list[Any]) -> Ground:
    locale, mode, vault, checkpoint_id, parent, sealed, metadata, waiting = row
    checkpoint = None
    if waiting:
        async with database.tenant_tx(principal) as tx:
            checkpoint = await (await checkpoint_rows.load(tx, thread)).fetchone()
    elif checkpoint_id is not None:
        checkpoint = CheckpointRow(CheckpointKey(thread, "", checkpoint_id), parent, sealed, metadata)
    return Ground(locale, mode, vault, checkpoint)


def _refusal(error: psycopg.IntegrityError) -> Exception:
    constraint = error.diag.constraint_name
    if constraint == "turns_idempotency":
        return KeyTaken()
    if constraint == "turn_queue_one_writer":
        return Conflict("This conversation is still answering the message before; try again in a moment.")
    # The foreign key carries the person: the conversation does not exist, or is not theirs.
    return NotFound() if isinstance(error, psycopg.errors.ForeignKeyViolation) else error
