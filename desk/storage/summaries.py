"""Summaries: which conversations outgrew their window, and the one safe way to change their checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from desk.domain import ConversationId, SubjectId, TenantId
from desk.privacy.sealing import DataKey
from desk.storage import checkpoint_rows
from desk.storage.checkpoint_seals import open_row, seal_row
from desk.storage.pool import Tx
from desk.storage.threads import thread_id


@dataclass(frozen=True, slots=True)
class Outgrown:
    """A conversation with more messages than its window, unlike when it was last summarised."""

    id: ConversationId
    subject_id: SubjectId


async def outgrown(tx: Tx, *, window: int, limit: int) -> list[Outgrown]:
    """Conversations longer than `window` messages that grew by as much since the last summary; idle ones."""
    cursor = await tx.execute(
        "select id, subject_id from conversations c where messages > %(window)s"
        " and messages >= summarised + %(window)s"
        " and not exists (select from turn_queue q where q.conversation_id = c.id)"
        " order by updated_at limit %(limit)s",
        {"window": window, "limit": limit},
    )
    return [Outgrown(*row) for row in await cursor.fetchall()]


async def hold(tx: Tx, conversation_id: ConversationId) -> bool:
    """Keep turns out of the conversation until the transaction ends; False when one is in it already.

    A turn is accepted with a foreign key to this row, so it waits for the lock; what was accepted before is
    seen by the second statement.
    """
    cursor = await tx.execute(
        "select id from conversations where id = %s for update skip locked", (conversation_id,)
    )
    if await cursor.fetchone() is None:
        return False
    cursor = await tx.execute("select from turn_queue where conversation_id = %s", (conversation_id,))
    return await cursor.fetchone() is None


async def intents(tx: Tx, conversation_id: ConversationId, *, limit: int) -> list[str]:
    """What the last turns were about, in order, each once."""
    cursor = await tx.execute(
        "select intent from (select id, intent from turns where conversation_id = %s and intent is not null"
        " order by accepted_at desc limit %s) t group by intent order by max(id::text)",
        (conversation_id, limit),
    )
    return [intent for (intent,) in await cursor.fetchall()]


async def read_state(
    tx: Tx, tenant_id: TenantId, conversation: Outgrown, key: DataKey
) -> dict[str, Any] | None:
    """What the conversation's checkpoint holds, by channel; None when it has none."""
    loaded = await checkpoint_rows.load(tx, thread_id(tenant_id, conversation.subject_id, conversation.id))
    row = await loaded.fetchone()
    return open_row(row, key).checkpoint["channel_values"] if row else None


async def store(tx: Tx, tenant_id: TenantId, conversation: Outgrown, key: DataKey, summary: str) -> None:
    """Put the summary into the checkpoint of a conversation that is held, and note that it is fresh."""
    loaded = await checkpoint_rows.load(tx, thread_id(tenant_id, conversation.subject_id, conversation.id))
    row = await loaded.fetchone()
    if row is not None:
        saved = open_row(row, key)
        versions = saved.checkpoint["channel_versions"]
        saved.checkpoint["channel_values"]["summary"] = summary
        # Without a version LangGraph would leave the channel out of the next checkpoint.
        versions["summary"] = max((version for version in versions.values() if version), default=1)
        await checkpoint_rows.replace(tx, seal_row(saved, key))
    await pass_over(tx, conversation.id)


async def pass_over(tx: Tx, conversation_id: ConversationId) -> None:
    """Look at the conversation again when it has grown by another window."""
    await tx.execute("update conversations set summarised = messages where id = %s", (conversation_id,))
