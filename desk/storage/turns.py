"""Turns: the inbox. A row here is a promise; `turn_queue` says who is keeping it, under which fence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import orjson

from desk.domain import ConversationId, SubjectId, TenantId, TurnId, TurnState
from desk.storage.pool import Tx

LEASE_SECONDS = 6

_COLUMNS = (
    "id, conversation_id, subject_id, idempotency_key, request_hash, state, input_sealed, reply_sealed,"
    " problem, accepted_at, attempts, reason, finished_at"
)


@dataclass(frozen=True, slots=True)
class Turn:
    """One accepted message and what became of it."""

    id: TurnId
    conversation_id: ConversationId
    subject_id: SubjectId
    idempotency_key: str
    request_hash: bytes
    state: TurnState
    input_sealed: bytes
    reply_sealed: bytes | None
    problem: dict[str, Any] | None
    accepted_at: datetime
    attempts: int
    reason: str | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run a turn: a lease on it, and the fence that every commit must carry.

    `attempts` counts every run of the turn, `tries` those since an operator last replayed it.
    """

    turn_id: TurnId
    tenant_id: TenantId
    conversation_id: ConversationId
    subject_id: SubjectId
    fence: int
    attempts: int
    tries: int = 1
    cancelled: bool = False


async def find_by_key(tx: Tx, subject_id: SubjectId | None, idempotency_key: str) -> Turn | None:
    """The turn that this caller sent with this key before."""
    cursor = await tx.execute(
        f"select {_COLUMNS} from turns where subject_id = %s and idempotency_key = %s",  # noqa: S608
        (subject_id, idempotency_key),
    )
    row = await cursor.fetchone()
    return Turn(*row) if row else None


async def get(tx: Tx, turn_id: TurnId) -> Turn | None:
    """The turn, if the caller may see it."""
    cursor = await tx.execute(f"select {_COLUMNS} from turns where id = %s", (turn_id,))  # noqa: S608
    row = await cursor.fetchone()
    return Turn(*row) if row else None


async def pass_fence(tx: Tx, claim: Claim) -> None:
    """Leave the queue as the first act of a final commit; the commit ends in Fenced if another owns it."""
    await tx.execute("select pass_fence(%s, %s)", (claim.turn_id, claim.fence))


async def withdraw(tx: Tx, turn_id: TurnId, problem: dict[str, Any]) -> None:
    """Note that the turn was cancelled before it ran."""
    await tx.execute(
        "update turns set state = 'cancelled', problem = %s, finished_at = now() where id = %s",
        (orjson.dumps(problem).decode(), turn_id),
    )


async def fail(
    tx: Tx, claim: Claim, state: Literal["failed", "dead"], problem: dict[str, Any], reason: str
) -> None:
    """Store why the turn could not be completed; `dead` keeps it for an operator, who reads `reason`."""
    await tx.execute(
        "update turns set state = %s, problem = %s, reason = %s, attempts = %s, finished_at = now()"
        " where id = %s",
        (state, orjson.dumps(problem).decode(), reason, claim.attempts, claim.turn_id),
    )


async def list_dead(tx: Tx, *, after: TurnId | None, limit: int) -> list[Turn]:
    """Dead letters of whom the caller may see, the oldest first."""
    cursor = await tx.execute(
        f"select {_COLUMNS} from turns where state = 'dead'"  # noqa: S608
        " and (%(after)s::uuid is null or id > %(after)s) order by id limit %(limit)s",
        {"after": after, "limit": limit},
    )
    return [Turn(*row) for row in await cursor.fetchall()]


async def list_replies(tx: Tx, ids: Sequence[TurnId]) -> dict[TurnId, bytes]:
    """The sealed replies of those turns that have one and that the caller may see."""
    cursor = await tx.execute(
        "select id, reply_sealed from turns where id = any(%s) and reply_sealed is not null", (list(ids),)
    )
    return dict(await cursor.fetchall())


async def revive(tx: Tx, turn_id: TurnId) -> Turn | None:
    """Make a dead letter an accepted turn again; None when there is none of that id."""
    cursor = await tx.execute(
        "update turns set state = 'accepted', problem = null, reason = null, finished_at = null"  # noqa: S608
        f" where id = %s and state = 'dead' returning {_COLUMNS}",
        (turn_id,),
    )
    row = await cursor.fetchone()
    return Turn(*row) if row else None


async def drop(tx: Tx, turn_id: TurnId) -> bool:
    """Delete a dead letter with its sealed input; False when there is none of that id."""
    cursor = await tx.execute("delete from turns where id = %s and state = 'dead'", (turn_id,))
    return cursor.rowcount == 1


def input_aad(turn_id: UUID) -> bytes:
    """What binds a sealed input to its row."""
    return b"turns.input:" + turn_id.bytes


def reply_aad(turn_id: UUID) -> bytes:
    """What binds a sealed reply to its row."""
    return b"turns.reply:" + turn_id.bytes
