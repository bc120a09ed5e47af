"""Conversations: one thread of talk between a subject and the desk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from desk.domain import ConversationId, ConversationMode, Principal, SubjectId
from desk.storage import checkpoint_rows
from desk.storage.pool import Cursor, Tx
from desk.storage.threads import thread_id

_COLUMNS = (
    "id, subject_id, channel, locale, mode, title_sealed, vault_sealed, messages, created_at, updated_at"
)


@dataclass(frozen=True, slots=True)
class Conversation:
    """One row; the title and the pseudonym vault are sealed under the subject's key."""

    id: ConversationId
    subject_id: SubjectId
    channel: str
    locale: str | None
    mode: ConversationMode
    title_sealed: bytes | None
    vault_sealed: bytes | None
    messages: int
    created_at: datetime
    updated_at: datetime


async def add(
    tx: Tx, principal: Principal, conversation_id: ConversationId, channel: str, locale: str | None
) -> None:
    """Open a conversation for the principal."""
    await tx.execute(
        "insert into conversations (tenant_id, id, subject_id, channel, locale) values (%s, %s, %s, %s, %s)",
        (principal.tenant_id, conversation_id, principal.subject_id, channel, locale),
    )


async def select(tx: Tx, conversation_id: ConversationId) -> Cursor:
    """Ask for a conversation without waiting, in a pipeline; `first` reads the answer."""
    return await tx.execute(f"select {_COLUMNS} from conversations where id = %s", (conversation_id,))  # noqa: S608


async def first(cursor: Cursor) -> Conversation | None:
    """The conversation that was asked for, if the caller may see it."""
    row = await cursor.fetchone()
    return Conversation(*row) if row else None


async def get(tx: Tx, conversation_id: ConversationId) -> Conversation | None:
    """The conversation, if the caller may see it."""
    return await first(await select(tx, conversation_id))


async def list_page(
    tx: Tx, *, subject_id: SubjectId | None, before: datetime | None, limit: int
) -> list[Conversation]:
    """The newest conversations first; of one subject, or of all whom the caller may see."""
    cursor = await tx.execute(
        f"select {_COLUMNS} from conversations"  # noqa: S608
        " where (%(subject)s::uuid is null or subject_id = %(subject)s)"
        " and (%(before)s::timestamptz is null or updated_at < %(before)s)"
        " order by updated_at desc limit %(limit)s",
        {"subject": subject_id, "before": before, "limit": limit},
    )
    return [Conversation(*row) for row in await cursor.fetchall()]


async def record_turn(tx: Tx, conversation_id: ConversationId, vault_sealed: bytes, *, added: int) -> None:
    """What a finished turn, or a person's reply, leaves on its conversation."""
    await tx.execute(
        "update conversations set vault_sealed = %s, messages = messages + %s, updated_at = now()"
        " where id = %s",
        (vault_sealed, added, conversation_id),
    )


async def rename(tx: Tx, conversation_id: ConversationId, title_sealed: bytes | None) -> bool:
    """Give the conversation a title; False when the caller has no such conversation."""
    cursor = await tx.execute(
        "update conversations set title_sealed = %s where id = %s", (title_sealed, conversation_id)
    )
    return cursor.rowcount == 1


async def remove(tx: Tx, conversation_id: ConversationId) -> bool:
    """Delete the conversation with all that hangs on it; False when the caller has no such conversation.

    The keys of its turns stay spent until they would have been freed.
    """
    await tx.execute("select spend_keys(%s)", (conversation_id,))
    cursor = await tx.execute(
        "delete from conversations where id = %s returning tenant_id, subject_id", (conversation_id,)
    )
    row = await cursor.fetchone()
    if row is None:
        return False
    await checkpoint_rows.delete_threads(tx, [thread_id(row[0], row[1], conversation_id)])
    return True


def vault_aad(conversation_id: ConversationId) -> bytes:
    """What binds a sealed pseudonym vault to its row."""
    return b"conversations.vault:" + conversation_id.bytes


def title_aad(conversation_id: ConversationId) -> bytes:
    """What binds a sealed title to its row."""
    return b"conversations.title:" + conversation_id.bytes
