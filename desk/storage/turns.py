"""Turns: the inbox. A row here is a promise; `turn_queue` says who is keeping it, under which fence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import psycopg
import psycopg.errors

from desk.domain import ConversationId, Principal, SubjectId, TenantId, TurnId, TurnState
from desk.errors import Conflict, NotFound
from desk.storage.pool import Cursor, Tx

LEASE_SECONDS = 6
MAX_ATTEMPTS = 3

_COLUMNS = (
    "id, conversation_id, subject_id, idempotency_key, request_hash, state, input_sealed, reply_sealed,"
    " problem, accepted_at"
)


class KeyTaken(Exception):
    """The caller used this Idempotency-Key before; the stored turn is the answer, if it has the same body."""


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


@dataclass(frozen=True, slots=True)
class NewTurn:
    """A message about to be accepted; the input is sealed before it comes here."""

    id: TurnId
    conversation_id: ConversationId
    idempotency_key: str
    request_hash: bytes
    input_sealed: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run a turn: a lease on it, and the fence that every commit must carry."""

    turn_id: TurnId
    tenant_id: TenantId
    conversation_id: ConversationId
    subject_id: SubjectId
    fence: int
    attempts: int


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


async def add(tx: Tx, principal: Principal, new: NewTurn) -> None:
    """Put the turn into the inbox; in a pipeline its refusal surfaces at the end, see `accepting`."""
    await tx.execute(
        "insert into turns (tenant_id, id, conversation_id, subject_id, idempotency_key, request_hash, state,"
        " input_sealed) values (%s, %s, %s, %s, %s, %s, 'accepted', %s)",
        (
            principal.tenant_id,
            new.id,
            new.conversation_id,
            principal.subject_id,
            new.idempotency_key,
            new.request_hash,
            new.input_sealed,
        ),
    )


async def take_lease(tx: Tx, principal: Principal, new: NewTurn) -> Cursor:
    """Queue the turn as ours; the cursor's one row is the fence."""
    return await tx.execute(
        "insert into turn_queue (turn_id, tenant_id, conversation_id, subject_id, lease_until)"
        " values (%s, %s, %s, %s, now() + make_interval(secs => %s)) returning fence",
        (new.id, principal.tenant_id, new.conversation_id, principal.subject_id, LEASE_SECONDS),
    )


@contextmanager
def accepting() -> Iterator[None]:
    """Around an accept: raises what its refusal means, KeyTaken, Conflict or NotFound."""
    try:
        yield
    except psycopg.IntegrityError as error:
        raise _refusal(error) from error


def _refusal(error: psycopg.IntegrityError) -> Exception:
    constraint = error.diag.constraint_name
    if constraint == "turns_idempotency":
        return KeyTaken()
    if constraint == "turn_queue_one_writer":
        return Conflict("This conversation is still answering the message before; try again in a moment.")
    # The foreign key carries the person: the conversation does not exist, or is not theirs.
    return NotFound() if isinstance(error, psycopg.errors.ForeignKeyViolation) else error


async def renew(tx: Tx, claims: list[Claim]) -> set[TurnId]:
    """Lengthen the leases; returns the turns that are still ours under the same fence."""
    cursor = await tx.execute(
        "update turn_queue q set lease_until = now() + make_interval(secs => %s)"
        " from unnest(%s::uuid[], %s::bigint[]) as mine (turn_id, fence)"
        " where q.turn_id = mine.turn_id and q.fence = mine.fence returning q.turn_id",
        (LEASE_SECONDS, [claim.turn_id for claim in claims], [claim.fence for claim in claims]),
    )
    return {TurnId(row[0]) for row in await cursor.fetchall()}


async def claim_orphans(tx: Tx, *, limit: int) -> list[Claim]:
    """Take over turns whose lease ran out, under a new and higher fence."""
    cursor = await tx.execute(
        "update turn_queue set fence = nextval('fences'), attempts = attempts + 1,"
        " lease_until = now() + make_interval(secs => %s)"
        " where turn_id in (select turn_id from turn_queue where lease_until < now()"
        " order by accepted_at limit %s for update skip locked)"
        " returning turn_id, tenant_id, conversation_id, subject_id, fence, attempts",
        (LEASE_SECONDS, limit),
    )
    return [Claim(*row) for row in await cursor.fetchall()]


async def release(tx: Tx, claims: list[Claim]) -> None:
    """Hand turns back at once: their leases end now, so that another process takes them."""
    await tx.execute(
        "update turn_queue q set lease_until = now() - interval '1 second'"
        " from unnest(%s::uuid[], %s::bigint[]) as mine (turn_id, fence)"
        " where q.turn_id = mine.turn_id and q.fence = mine.fence",
        ([claim.turn_id for claim in claims], [claim.fence for claim in claims]),
    )


async def pass_fence(tx: Tx, claim: Claim) -> None:
    """Leave the queue as the first act of a final commit; the commit ends in Fenced if another owns it."""
    await tx.execute("select pass_fence(%s, %s)", (claim.turn_id, claim.fence))


async def finish(tx: Tx, turn_id: TurnId, reply_sealed: bytes, *, route: str, intent: str | None) -> None:
    """Store the reply; the turn is done."""
    await tx.execute(
        "update turns set state = 'done', reply_sealed = %s, route = %s, intent = %s, finished_at = now()"
        " where id = %s",
        (reply_sealed, route, intent, turn_id),
    )


async def fail(tx: Tx, turn_id: TurnId, problem: dict[str, Any], *, dead: bool) -> None:
    """Store why the turn could not be completed; `dead` keeps it for an operator."""
    await tx.execute(
        "update turns set state = %s, problem = %s, finished_at = now() where id = %s",
        ("dead" if dead else "failed", orjson.dumps(problem).decode(), turn_id),
    )


def input_aad(turn_id: UUID) -> bytes:
    """What binds a sealed input to its row."""
    return b"turns.input:" + turn_id.bytes


def reply_aad(turn_id: UUID) -> bytes:
    """What binds a sealed reply to its row."""
    return b"turns.reply:" + turn_id.bytes
