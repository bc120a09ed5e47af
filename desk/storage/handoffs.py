"""Handoffs: conversations that wait for a person, are with one, or were; and the mode that follows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from desk.domain import (
    ConversationId,
    HandoffId,
    HandoffReason,
    HandoffState,
    MessageId,
    Principal,
    SubjectId,
    TenantId,
    TurnId,
    new_id,
)
from desk.storage import handoff_events
from desk.storage.handoff_events import Said
from desk.storage.pool import Cursor, Tx
from desk.storage.turns import LEASE_SECONDS, Claim

WAITING: tuple[HandoffState, ...] = ("queued", "ticketed")
OPEN: tuple[HandoffState, ...] = ("queued", "ticketed", "human")

_COLUMNS = (
    "id, conversation_id, subject_id, turn_id, state, reason, language, claimed_by, waiting_since, due_at,"
    " escalated_at, created_at, updated_at"
)


@dataclass(frozen=True, slots=True)
class Handoff:
    """One request for a person; `waiting_since` and `due_at` are None while the customer does not wait."""

    id: HandoffId
    conversation_id: ConversationId
    subject_id: SubjectId
    turn_id: TurnId
    state: HandoffState
    reason: HandoffReason
    language: str
    claimed_by: SubjectId | None
    waiting_since: datetime | None
    due_at: datetime | None
    escalated_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class HandoffRequest:
    """A customer needs a person: why, and whether there is one now (`queued`) or later (`ticketed`)."""

    reason: HandoffReason
    state: HandoffState
    language: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class HandoffChange:
    """What becomes of a handoff; `due_at` counts when the wait begins by it, or becomes a ticket's."""

    state: HandoffState
    agent_id: SubjectId | None
    awaited: bool
    escalated: bool
    due_at: datetime


async def request(tx: Tx, principal: Principal, claim: Claim, asked: HandoffRequest) -> Cursor:
    """Ask for a person on the claimed turn's conversation; the cursor's one row is (handoff id, state).

    Whoever waits already keeps their place; a ticket becomes a place in the queue when somebody is there now.
    """
    opened = await tx.execute(
        "insert into handoffs as h (tenant_id, id, conversation_id, subject_id, turn_id, state, reason,"
        " language, due_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " on conflict (tenant_id, conversation_id) where state in ('queued', 'human', 'ticketed')"
        " do update set state = case h.state when 'ticketed' then excluded.state else h.state end,"
        " due_at = least(h.due_at, excluded.due_at), updated_at = now(),"
        " waiting_since = coalesce(h.waiting_since, now()) returning id, state",
        (
            principal.tenant_id,
            new_id(),
            claim.conversation_id,
            principal.subject_id,
            claim.turn_id,
            asked.state,
            asked.reason,
            asked.language,
            asked.due_at,
        ),
    )
    await derive_mode(tx, claim.conversation_id)
    await handoff_events.add_state(tx, claim.conversation_id)
    return opened


async def note_message(
    tx: Tx, conversation_id: ConversationId, message_id: MessageId, due_at: datetime
) -> None:
    """A customer wrote to the person who has the conversation, or will have it."""
    await tx.execute(
        "update handoffs set waiting_since = coalesce(waiting_since, now()), due_at = coalesce(due_at, %s),"
        " updated_at = now() where conversation_id = %s and state in ('queued', 'human')",
        (due_at, conversation_id),
    )
    await derive_mode(tx, conversation_id)
    await handoff_events.add_message(tx, conversation_id, Said(message_id, "user"))


async def change(tx: Tx, handoff: Handoff, into: HandoffChange) -> bool:
    """Change a handoff that still is as it was read; False when somebody was quicker."""
    cursor = await tx.execute(
        "update handoffs set state = %(state)s, claimed_by = %(agent)s, updated_at = now(),"
        " waiting_since = case when %(awaited)s then coalesce(waiting_since, now()) end,"
        " due_at = case when not %(awaited)s then null"
        " when state <> %(state)s and %(state)s = 'ticketed' then %(due)s else coalesce(due_at, %(due)s) end,"
        " escalated_at = case when %(escalated)s then coalesce(escalated_at, now()) end"
        " where id = %(id)s and state = %(was)s and claimed_by is not distinct from %(had)s",
        {
            "id": handoff.id,
            "was": handoff.state,
            "had": handoff.claimed_by,
            "state": into.state,
            "agent": into.agent_id,
            "awaited": into.awaited,
            "escalated": into.escalated,
            "due": into.due_at,
        },
    )
    await derive_mode(tx, handoff.conversation_id)
    return cursor.rowcount == 1


async def derive_mode(tx: Tx, conversation_id: ConversationId) -> None:
    """Set the conversation's mode as its handoffs say: `human` in the queue and with a person."""
    await tx.execute(
        "update conversations c set updated_at = now(), mode = case when exists (select from handoffs h"
        " where h.tenant_id = c.tenant_id and h.conversation_id = c.id and h.state in ('queued', 'human'))"
        " then 'human' else 'bot' end where c.id = %s",
        (conversation_id,),
    )


async def get(tx: Tx, handoff_id: HandoffId) -> Handoff | None:
    """The handoff, if the caller may see it."""
    cursor = await tx.execute(f"select {_COLUMNS} from handoffs where id = %s", (handoff_id,))  # noqa: S608
    row = await cursor.fetchone()
    return Handoff(*row) if row else None


async def get_open(tx: Tx, conversation_id: ConversationId) -> Handoff | None:
    """The conversation's open handoff; it has at most one."""
    cursor = await tx.execute(
        f"select {_COLUMNS} from handoffs"  # noqa: S608
        " where conversation_id = %s and state in ('queued', 'human', 'ticketed')",
        (conversation_id,),
    )
    row = await cursor.fetchone()
    return Handoff(*row) if row else None


async def lock(tx: Tx, handoff: Handoff) -> Handoff | None:
    """The handoff as it is now, with its conversation's row held to the end of the transaction."""
    await tx.execute("select from conversations where id = %s for no key update", (handoff.conversation_id,))
    return await get(tx, handoff.id)


async def take_turn(tx: Tx, principal: Principal, handoff: Handoff) -> bool:
    """Take the one writer's place of the conversation, as a turn does; False while a turn runs.

    Nobody else sees the place taken: `leave_turn` gives it back in the same transaction.
    """
    cursor = await tx.execute(
        "insert into turn_queue (turn_id, tenant_id, conversation_id, subject_id, lease_until)"
        " values (%s, %s, %s, %s, now() + make_interval(secs => %s)) on conflict do nothing",
        (handoff.id, principal.tenant_id, handoff.conversation_id, handoff.subject_id, LEASE_SECONDS),
    )
    return cursor.rowcount == 1


async def leave_turn(tx: Tx, handoff: Handoff) -> None:
    """Give the writer's place back."""
    await tx.execute("delete from turn_queue where turn_id = %s", (handoff.id,))


async def list_by_state(tx: Tx, states: tuple[HandoffState, ...], *, limit: int) -> list[Handoff]:
    """Open ones first, whoever waits longest first; then those that ended, the latest first."""
    cursor = await tx.execute(
        f"select {_COLUMNS} from handoffs where state = any(%s)"  # noqa: S608
        " order by state in ('returned', 'closed'), waiting_since nulls last,"
        " case when state in ('returned', 'closed') then updated_at end desc, created_at limit %s",
        (list(states), limit),
    )
    return [Handoff(*row) for row in await cursor.fetchall()]


async def list_awaited(tx: Tx, now: datetime) -> list[TenantId]:
    """Active tenants with somebody in the queue, or past `due_at`; needs a transaction without a tenant."""
    cursor = await tx.execute(
        "select distinct w.tenant_id from waiting_handoffs w join tenants t on t.id = w.tenant_id"
        " where t.status = 'active' and (w.queued or w.due_at < %s)",
        (now,),
    )
    return [TenantId(row[0]) for row in await cursor.fetchall()]


async def list_late(tx: Tx, now: datetime, *, limit: int) -> list[Handoff]:
    """Those whose customer waits past `due_at` and for whom nobody was alarmed yet, the longest first."""
    cursor = await tx.execute(
        f"select {_COLUMNS} from handoffs where state in ('queued', 'human', 'ticketed')"  # noqa: S608
        " and escalated_at is null and due_at < %s order by due_at limit %s",
        (now, limit),
    )
    return [Handoff(*row) for row in await cursor.fetchall()]
