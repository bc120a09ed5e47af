"""Handoffs: conversations that wait for a person, or are with one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from desk.domain import ConversationId, HandoffId, Principal, SubjectId, TurnId
from desk.storage.pool import Tx
from desk.storage.turns import Claim

HandoffState = Literal["queued", "claimed", "closed"]


@dataclass(frozen=True, slots=True)
class Handoff:
    """One request for a person."""

    id: HandoffId
    conversation_id: ConversationId
    subject_id: SubjectId
    turn_id: TurnId
    state: HandoffState
    reason: str
    created_at: datetime


async def queue(tx: Tx, principal: Principal, handoff_id: HandoffId, claim: Claim, *, reason: str) -> None:
    """Ask for a person on the claimed turn's conversation; one that waits already keeps its place."""
    await tx.execute(
        "insert into handoffs (tenant_id, id, conversation_id, subject_id, turn_id, state, reason)"
        " values (%s, %s, %s, %s, %s, 'queued', %s)"
        " on conflict (tenant_id, conversation_id) where state <> 'closed' do nothing",
        (
            principal.tenant_id,
            handoff_id,
            claim.conversation_id,
            principal.subject_id,
            claim.turn_id,
            reason,
        ),
    )


async def list_open(tx: Tx, *, limit: int) -> list[Handoff]:
    """Those that wait, the longest first."""
    cursor = await tx.execute(
        "select id, conversation_id, subject_id, turn_id, state, reason, created_at from handoffs"
        " where state <> 'closed' order by created_at limit %s",
        (limit,),
    )
    return [Handoff(*row) for row in await cursor.fetchall()]
