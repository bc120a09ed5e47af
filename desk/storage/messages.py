"""Messages: the record of a conversation, each text sealed under the subject's key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from desk.domain import ConversationId, MessageId, Principal, Role, Route, SubjectId, TurnId
from desk.storage.pool import Tx

_COLUMNS = "id, conversation_id, turn_id, subject_id, role, text_sealed, route, created_at"


@dataclass(frozen=True, slots=True)
class Message:
    """One row; ids are time-ordered, so they are the order of the talk."""

    id: MessageId
    conversation_id: ConversationId
    turn_id: TurnId
    subject_id: SubjectId
    role: Role
    text_sealed: bytes
    route: Route | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to be written."""

    id: MessageId
    role: Role
    text_sealed: bytes
    route: Route | None = None


async def add(
    tx: Tx,
    principal: Principal,
    conversation_id: ConversationId,
    turn_id: TurnId,
    new: tuple[NewMessage, ...],
) -> None:
    """Append messages of one turn."""
    for message in new:
        await tx.execute(
            "insert into messages"
            " (tenant_id, id, conversation_id, turn_id, subject_id, role, text_sealed, route)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s)",
            (
                principal.tenant_id,
                message.id,
                conversation_id,
                turn_id,
                principal.subject_id,
                message.role,
                message.text_sealed,
                message.route,
            ),
        )


async def get(tx: Tx, message_id: MessageId) -> Message | None:
    """The message, if the caller may see it."""
    cursor = await tx.execute(f"select {_COLUMNS} from messages where id = %s", (message_id,))  # noqa: S608
    row = await cursor.fetchone()
    return Message(*row) if row else None


async def list_page(
    tx: Tx,
    *,
    conversation_id: ConversationId | None,
    subject_id: SubjectId | None,
    after: MessageId | None,
    limit: int,
) -> list[Message]:
    """The oldest messages first: of one conversation, or all of one subject's."""
    cursor = await tx.execute(
        f"select {_COLUMNS} from messages"  # noqa: S608
        " where (%(conversation)s::uuid is null or conversation_id = %(conversation)s)"
        " and (%(subject)s::uuid is null or subject_id = %(subject)s)"
        " and (%(after)s::uuid is null or id > %(after)s) order by id limit %(limit)s",
        {"conversation": conversation_id, "subject": subject_id, "after": after, "limit": limit},
    )
    return [Message(*row) for row in await cursor.fetchall()]


async def latest(tx: Tx, conversation_ids: Sequence[ConversationId]) -> frozenset[MessageId]:
    """The last message of each conversation."""
    cursor = await tx.execute(
        "select m.id from unnest(%s::uuid[]) as c(id) cross join lateral"
        " (select id from messages where conversation_id = c.id order by id desc limit 1) m",
        (list(conversation_ids),),
    )
    return frozenset(row[0] for row in await cursor.fetchall())


def text_aad(message_id: MessageId) -> bytes:
    """What binds a sealed text to its row."""
    return b"messages.text:" + message_id.bytes
