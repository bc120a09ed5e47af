"""Retention: what is deleted or cleared when its time is over; each call takes a bounded batch."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from desk.storage import checkpoint_rows
from desk.storage.pool import Tx
from desk.storage.threads import thread_id

Kept = Literal["steps", "events", "feedback", "dead_letters"]

_OLD = """
select id, tenant_id, subject_id from conversations c
where updated_at < now() - make_interval(days => %s)
    and not exists (select from turn_queue q where q.conversation_id = c.id)
order by updated_at limit %s for update skip locked
"""

_OLD_TURNS = """
select t.id from turns t where t.state in ('done', 'failed', 'cancelled')
    and t.finished_at < now() - make_interval(days => %s)
    and not exists (select from turn_queue q where q.conversation_id = t.conversation_id)
order by t.id limit %s for update skip locked
"""

_OLD_CHECKPOINTS = """
delete from checkpoints p where created_at < now() - make_interval(days => %s)
    and not exists (select from turn_queue q where q.subject_id = p.subject_id)
"""

_OLD_ROWS: dict[Kept, str] = {
    "steps": """
delete from turn_steps where (tenant_id, turn_id) in (select tenant_id, turn_id from turn_steps
    where created_at < now() - make_interval(days => %(days)s) limit %(limit)s)
""",
    "events": """
delete from handoff_events where (tenant_id, number) in (select e.tenant_id, e.number
    from handoff_events e join handoffs h on h.id = e.handoff_id and h.state in ('returned', 'closed')
    where e.at < now() - make_interval(days => %(days)s) limit %(limit)s)
""",
    "feedback": """
delete from feedback where (tenant_id, turn_id, subject_id) in (select tenant_id, turn_id, subject_id
    from feedback where created_at < now() - make_interval(days => %(days)s) limit %(limit)s)
""",
    "dead_letters": """
delete from turns where id in (select id from turns where state = 'dead'
    and finished_at < now() - make_interval(days => %(days)s) limit %(limit)s)
""",
}

_WITHOUT_ROWS = """
select id from subjects s
where kind = 'anonymous' and erased_at is null and created_at < now() - make_interval(days => %s)
    and not exists (select from conversations c where c.subject_id = s.id)
order by id limit %s for update skip locked
"""

_CLEAR = """
update turns set idempotency_key = 'freed·' || id,
    input_sealed = case when state = 'dead' then input_sealed else '' end
where id in (
    select id from turns
    where not starts_with(idempotency_key, 'freed·') and state <> 'accepted'
        and finished_at < now() - make_interval(hours => %s)
    order by id limit %s for update skip locked
)
"""


async def delete_old_conversations(tx: Tx, *, days: int, limit: int) -> int:
    """Delete conversations untouched for `days`, with all that hangs on them; returns how many went.

    A conversation with a running turn stays.
    """
    cursor = await tx.execute(_OLD, (days, limit))
    threads = {row[0]: thread_id(row[1], row[2], row[0]) for row in await cursor.fetchall()}
    # The rows are locked now, so no further turn can be accepted; one may have been since the look above.
    cursor = await tx.execute(
        "select conversation_id from turn_queue where conversation_id = any(%s)", (list(threads),)
    )
    for (running,) in await cursor.fetchall():
        del threads[running]
    await _delete_conversations(tx, threads)
    return len(threads)


async def _delete_conversations(tx: Tx, threads: dict[UUID, str]) -> None:
    ids = list(threads)
    await tx.execute(
        "delete from usage u using turns t where t.id = u.turn_id and t.conversation_id = any(%s)", (ids,)
    )
    await tx.execute("delete from sessions where conversation_id = any(%s)", (ids,))
    await checkpoint_rows.delete_threads(tx, list(threads.values()))
    # Turns, messages, steps, effects, handoffs and feedback hang on it by foreign keys that cascade.
    await tx.execute("delete from conversations where id = any(%s)", (ids,))


async def delete_old_turns(tx: Tx, *, days: int, limit: int) -> int:
    """Delete ended turns, with their messages and all that hangs on them; how many turns went.

    A checkpoint that no turn has touched since goes too. Turns of conversations in which one runs stay.
    """
    cursor = await tx.execute(_OLD_TURNS, (days, limit))
    ids = [row[0] for row in await cursor.fetchall()]
    await tx.execute("delete from messages where turn_id = any(%s)", (ids,))
    await tx.execute("delete from usage where turn_id = any(%s)", (ids,))
    await tx.execute("delete from turns where id = any(%s)", (ids,))
    await tx.execute(_OLD_CHECKPOINTS, (days,))
    return len(ids)


async def delete_old(tx: Tx, kept: Kept, *, days: int, limit: int) -> int:
    """Delete a batch of one kind of rows by their age; how many went."""
    cursor = await tx.execute(_OLD_ROWS[kept].encode(), {"days": days, "limit": limit})
    return cursor.rowcount


async def delete_subjects_without_rows(tx: Tx, *, days: int, limit: int) -> int:
    """Delete anonymous subjects older than `days` that have no conversation, and so their data keys."""
    cursor = await tx.execute(_WITHOUT_ROWS, (days, limit))
    ids = [row[0] for row in await cursor.fetchall()]
    # The lock keeps new conversations out; the second look sees those that came before it.
    cursor = await tx.execute(
        "delete from subjects s where id = any(%s)"
        " and not exists (select from conversations c where c.subject_id = s.id)",
        (ids,),
    )
    return cursor.rowcount


async def clear_turn_inputs(tx: Tx, *, hours: int, limit: int) -> int:
    """Forget the raw input of turns that ended `hours` ago and free their Idempotency-Keys.

    What was said stays as a message, where personal values are pseudonyms. A dead turn keeps its input for
    whoever looks into it.
    """
    cursor = await tx.execute(_CLEAR, (hours, limit))
    await tx.execute("delete from spent_keys where spent_at < now() - make_interval(hours => %s)", (hours,))
    return cursor.rowcount


async def delete_login_links(tx: Tx, *, hours: int) -> int:
    """Forget login links that were spent `hours` ago: they are too old to open anything by themselves."""
    cursor = await tx.execute(
        "delete from login_links where used_at < now() - make_interval(hours => %s)", (hours,)
    )
    return cursor.rowcount
