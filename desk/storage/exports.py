"""Exports: reads all that is kept of one person, conversation by conversation, still sealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from desk.domain import ConversationId, SubjectId
from desk.storage.pool import Tx

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Person:
    """The subject's own row."""

    id: SubjectId
    kind: str
    created_at: datetime


async def person(tx: Tx, subject_id: SubjectId) -> Person | None:
    """The subject, unless it was erased."""
    cursor = await tx.execute(
        "select id, kind, created_at from subjects where id = %s and erased_at is null", (subject_id,)
    )
    row = await cursor.fetchone()
    return Person(*row) if row else None


async def next_conversation(
    tx: Tx, subject_id: SubjectId, after: ConversationId | None
) -> ConversationId | None:
    """The oldest conversation after this one."""
    cursor = await tx.execute(
        "select id from conversations where subject_id = %(subject)s"
        " and (%(after)s::uuid is null or id > %(after)s) order by id limit 1",
        {"subject": subject_id, "after": after},
    )
    row = await cursor.fetchone()
    return ConversationId(row[0]) if row else None


async def turns(tx: Tx, conversation_id: ConversationId) -> list[Row]:
    """Each turn with what it cost and how it was rated; `input_sealed` of those that have no message."""
    return await _rows(tx, _TURNS, (conversation_id,))


async def effects(tx: Tx, conversation_id: ConversationId) -> list[Row]:
    """What was asked for in the customer's world: returns, tickets."""
    return await _rows(tx, _EFFECTS, (conversation_id,))


async def handoffs(tx: Tx, conversation_id: ConversationId) -> list[Row]:
    """Requests for a person, without whom they reached."""
    return await _rows(tx, _HANDOFFS, (conversation_id,))


async def audit(
    tx: Tx, subject_id: SubjectId, about: Sequence[UUID], after: UUID | None, *, limit: int
) -> list[Row]:
    """Audit rows of what the person did, and of what was done to them or to one of these objects."""
    objects = [str(subject_id), *map(str, about)]
    values = {"actor": str(subject_id), "objects": objects, "after": after, "limit": limit}
    return await _rows(tx, _AUDIT, values)


async def _rows(tx: Tx, query: str, values: Any) -> list[Row]:
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query.encode(), values)
        return await cursor.fetchall()


_TURNS = """
select t.id, t.state, t.route, t.intent, t.accepted_at, t.finished_at,
    case when t.state in ('accepted', 'failed', 'dead') and t.input_sealed <> '' then t.input_sealed end
        as input_sealed,
    f.rating, f.tags, f.comment_sealed, u.model, u.prompt_tokens, u.completion_tokens
from turns t
left join feedback f on f.turn_id = t.id and f.subject_id = t.subject_id
left join usage u on u.turn_id = t.id
where t.conversation_id = %s order by t.accepted_at, t.id
"""

_EFFECTS = """
select e.turn_id, e.ordinal, e.name, e.state, e.request_sealed, e.result_sealed, e.created_at, e.finished_at
from effects e join turns t on t.id = e.turn_id
where t.conversation_id = %s and e.kind = 'tool' order by e.created_at, e.turn_id, e.ordinal
"""

_HANDOFFS = """
select id, state, reason, language, created_at, updated_at from handoffs
where conversation_id = %s order by created_at, id
"""

_AUDIT = """
select id, at, action, object, detail, actor = %(actor)s as own from audit
where (actor = %(actor)s or object = any(%(objects)s)) and (%(after)s::uuid is null or id > %(after)s)
order by id limit %(limit)s
"""
