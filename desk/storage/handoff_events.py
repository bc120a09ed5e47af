"""The numbered log of handoffs: what live streams, webhooks and mail tell, in the order it was committed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from desk.domain import ConversationId, HandoffId, HandoffState, MessageId, Role, SubjectId
from desk.storage import deliveries
from desk.storage.pool import Tx

EventName = Literal["queued", "ticketed", "claimed", "message", "returned", "closed", "sla_due"]

_COLUMNS = "number, handoff_id, conversation_id, event, state, agent_id, message_id, role, at"
# Transactions of one tenant number their events one after the other and commit in that order: without it a
# reader could see number 8 before 7 is committed, and never look back.
_IN_ORDER = "select pg_advisory_xact_lock(hashtextextended('handoff_events:' || app_tenant()::text, 0))"
_INSERT = (
    "insert into handoff_events (tenant_id, handoff_id, conversation_id, subject_id, event, state, agent_id,"
    " message_id, role) select tenant_id, id, conversation_id, subject_id,"
    " coalesce(%(event)s, case state when 'human' then 'claimed' else state end), state, claimed_by,"
    " %(message)s, %(role)s from handoffs h where "
)
_LOGGED = " returning event, handoff_id, conversation_id, message_id, role"
_OF_OPEN = "conversation_id = %(id)s and state in ('queued', 'human', 'ticketed')"
_IS_NEWS = (
    " and state is distinct from (select e.state from handoff_events e where e.handoff_id = h.id"
    " order by e.number desc limit 1)"
)
# What the people of the tenant are mailed; its own service is told of every event.
_MAILED: frozenset[EventName] = frozenset({"queued", "ticketed", "sla_due"})


@dataclass(frozen=True, slots=True)
class HandoffEvent:
    """One entry; `state` and `agent_id` are those after it. A `message` names its message and role."""

    number: int
    handoff_id: HandoffId
    conversation_id: ConversationId
    event: EventName
    state: HandoffState
    agent_id: SubjectId | None
    message_id: MessageId | None
    role: Role | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Said:
    """A message that an event tells of."""

    message_id: MessageId
    role: Role


async def add(
    tx: Tx, handoff_id: HandoffId, event: EventName | None = None, said: Said | None = None
) -> None:
    """Log that a handoff changed, as the last act of its transaction; without a name, the state it is in.

    What is logged is owed to the tenant's own service, and to its people's mailboxes if somebody waits.
    """
    await _add(tx, "id = %(id)s", handoff_id, event, said)


async def add_state(tx: Tx, conversation_id: ConversationId) -> None:
    """Log the state of the conversation's open handoff, if it is another one than was logged before."""
    await _add(tx, _OF_OPEN + _IS_NEWS, conversation_id, None, None)


async def add_message(tx: Tx, conversation_id: ConversationId, said: Said) -> None:
    """Log a message in the conversation's open handoff; nothing happens when there is none."""
    await _add(tx, _OF_OPEN, conversation_id, "message", said)


async def newest(tx: Tx) -> int:
    """The highest number of the tenant; 0 when nothing has happened yet."""
    cursor = await tx.execute("select coalesce(max(number), 0) from handoff_events")
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def after(
    tx: Tx, number: int, *, conversation_id: ConversationId | None = None, limit: int = 500
) -> list[HandoffEvent]:
    """Entries above `number` in order; of one conversation, or all that the caller may see."""
    cursor = await tx.execute(
        f"select {_COLUMNS} from handoff_events where number > %(number)s"  # noqa: S608
        " and (%(conversation)s::uuid is null or conversation_id = %(conversation)s)"
        " order by number limit %(limit)s",
        {"number": number, "conversation": conversation_id, "limit": limit},
    )
    return [HandoffEvent(*row) for row in await cursor.fetchall()]


async def before_latest_handoff(tx: Tx, conversation_id: ConversationId) -> int:
    """The number after which the conversation's latest handoff began."""
    cursor = await tx.execute(
        "select coalesce(min(number) - 1, 0) from handoff_events where handoff_id ="
        " (select id from handoffs where conversation_id = %s order by created_at desc, id desc limit 1)",
        (conversation_id,),
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def _add(
    tx: Tx, condition: str, chosen: HandoffId | ConversationId, event: EventName | None, said: Said | None
) -> None:
    await tx.execute(_IN_ORDER)
    message, role = (said.message_id, said.role) if said else (None, None)
    values = {"id": chosen, "event": event, "message": message, "role": role}
    cursor = await tx.execute((_INSERT + condition + _LOGGED).encode(), values)
    for logged in await cursor.fetchall():
        await _owe(tx, *logged)


async def _owe(
    tx: Tx,
    event: EventName,
    handoff_id: HandoffId,
    conversation_id: ConversationId,
    message_id: MessageId | None,
    role: Role | None,
) -> None:
    """Owe the tenant what was logged; what its own people and the assistant say it knows already."""
    if role in (None, "user"):
        ids = {"handoff_id": handoff_id, "conversation_id": conversation_id}
        said = {"message_id": message_id} if message_id else {}
        await deliveries.owe(tx, f"handoff.{event}", by_mail=event in _MAILED, **ids, **said)
