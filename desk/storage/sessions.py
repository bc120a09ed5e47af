"""Sessions: the names that a service gives to its visitors' talks, mapped to our conversations."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from desk.domain import ConversationId, Principal, SubjectId
from desk.storage.pool import Tx


@dataclass(frozen=True, slots=True)
class Session:
    """One mapped session."""

    subject_id: SubjectId
    conversation_id: ConversationId


async def find(tx: Tx, api_key_id: UUID, session_id: str) -> Session | None:
    """The session of this name under this key."""
    cursor = await tx.execute(
        "select subject_id, conversation_id from sessions where api_key_id = %s and session_id = %s",
        (api_key_id, session_id),
    )
    row = await cursor.fetchone()
    return Session(SubjectId(row[0]), ConversationId(row[1])) if row else None


async def add(
    tx: Tx, principal: Principal, api_key_id: UUID, session_id: str, conversation_id: ConversationId
) -> None:
    """Map a new session; a name that is mapped already keeps its first conversation."""
    await tx.execute(
        "insert into sessions (tenant_id, api_key_id, session_id, subject_id, conversation_id)"
        " values (%s, %s, %s, %s, %s) on conflict do nothing",
        (principal.tenant_id, api_key_id, session_id, principal.subject_id, conversation_id),
    )
