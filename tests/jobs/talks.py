"""Conversations with a row in every table that can hold one, and a look for their ids behind the curtain."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import psycopg
from psycopg import sql

from desk.domain import ConversationId, Principal, TurnId, new_id
from desk.storage.pool import Database
from desk.storage.threads import thread_id


@dataclass(frozen=True)
class Talk:
    """A conversation with one ended turn."""

    id: ConversationId
    turn_id: TurnId
    handoff_id: UUID

    @property
    def ids(self) -> tuple[UUID, ...]:
        return self.id, self.turn_id, self.handoff_id


_ROWS = (
    "insert into conversations (tenant_id, id, subject_id, channel, updated_at)"
    " values (%(tenant)s, %(talk)s, %(subject)s, 'web', now() - make_interval(days => %(days)s))",
    "insert into turns (tenant_id, id, conversation_id, subject_id, idempotency_key, request_hash, state,"
    " input_sealed, reply_sealed, route, intent, accepted_at, finished_at)"
    " values (%(tenant)s, %(turn)s, %(talk)s, %(subject)s, %(turn)s::text, '', 'done', 'raw', 'reply', 'faq',"
    " 'shipping', now() - make_interval(days => %(days)s), now() - make_interval(days => %(days)s))",
    "insert into messages (tenant_id, id, conversation_id, turn_id, subject_id, role, text_sealed)"
    " values (%(tenant)s, %(message)s, %(talk)s, %(turn)s, %(subject)s, 'user', 'x')",
    "insert into turn_steps (tenant_id, turn_id, subject_id, steps_sealed)"
    " values (%(tenant)s, %(turn)s, %(subject)s, 'x')",
    "insert into effects (tenant_id, turn_id, ordinal, subject_id, kind, name, state, key, request_sealed,"
    " fence) values (%(tenant)s, %(turn)s, 1, %(subject)s, 'tool', 'order_status', 'result', 'k', 'x', 1)",
    "insert into handoffs (tenant_id, id, conversation_id, subject_id, turn_id, state, reason)"
    " values (%(tenant)s, %(handoff)s, %(talk)s, %(subject)s, %(turn)s, 'closed', 'requested')",
    "insert into feedback (tenant_id, turn_id, subject_id, rating)"
    " values (%(tenant)s, %(turn)s, %(subject)s, 'up')",
    "insert into usage (tenant_id, turn_id, subject_id, model, prompt_tokens, completion_tokens, cost_usd)"
    " values (%(tenant)s, %(turn)s, %(subject)s, 'm', 10, 5, 0.25)",
    "insert into sessions (tenant_id, api_key_id, session_id, subject_id, conversation_id)"
    " values (%(tenant)s, %(turn)s, %(turn)s::text, %(subject)s, %(talk)s)",
    "insert into checkpoints (tenant_id, subject_id, thread_id, checkpoint_id, checkpoint_sealed,"
    " metadata_sealed) values (%(tenant)s, %(subject)s, %(thread)s, '1', 'x', 'x')",
    "insert into checkpoint_writes (tenant_id, subject_id, thread_id, checkpoint_id, task_id, ordinal,"
    " channel, value_sealed) values (%(tenant)s, %(subject)s, %(thread)s, '1', 't', 0, 'c', 'x')",
)


async def add_talk(database: Database, person: Principal, *, days: int) -> Talk:
    """A conversation that nobody touched for so many days."""
    assert person.subject_id is not None
    talk = Talk(ConversationId(new_id()), TurnId(new_id()), new_id())
    values = {
        "tenant": person.tenant_id,
        "subject": person.subject_id,
        "talk": talk.id,
        "turn": talk.turn_id,
        "handoff": talk.handoff_id,
        "message": new_id(),
        "thread": thread_id(person.tenant_id, person.subject_id, talk.id),
        "days": days,
    }
    async with database.tenant_tx(Principal(person.tenant_id, "worker")) as tx:
        for row in _ROWS:
            await tx.execute(row, values)
    return talk


async def tables_with(owner_url: str, ids: tuple[UUID, ...]) -> set[str]:
    """Every table of the database in which one of the ids stands anywhere."""
    found: set[str] = set()
    async with await psycopg.AsyncConnection.connect(owner_url) as conn:
        cursor = await conn.execute(
            "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema')"
        )
        for schema, table in await cursor.fetchall():
            pattern = "|".join(str(one) for one in ids)
            query = sql.SQL("select exists (select from {} t where t::text ~ %s)")
            hit = await conn.execute(query.format(sql.Identifier(schema, table)), (pattern,))
            row = await hit.fetchone()
            if row and row[0]:
                found.add(table)
    return found
