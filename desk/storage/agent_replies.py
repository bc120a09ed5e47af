"""Agents' replies: which Idempotency-Key made which message, so that sending twice says it once."""

from __future__ import annotations

from dataclasses import dataclass

from desk.domain import MessageId, Principal
from desk.errors import KeyReused
from desk.storage.handoffs import Handoff
from desk.storage.pool import Tx


@dataclass(frozen=True, slots=True)
class AgentReply:
    """A reply that was sent before."""

    message_id: MessageId
    request_hash: bytes


async def find(tx: Tx, agent: Principal, idempotency_key: str) -> AgentReply | None:
    """What this agent sent with this key before."""
    cursor = await tx.execute(
        "select message_id, request_hash from agent_replies where agent_id = %s and idempotency_key = %s",
        (agent.subject_id, idempotency_key),
    )
    row = await cursor.fetchone()
    return AgentReply(*row) if row else None


async def add(tx: Tx, agent: Principal, handoff: Handoff, idempotency_key: str, reply: AgentReply) -> None:
    """Remember a reply; raises KeyReused when the key went to another handoff at the same moment."""
    cursor = await tx.execute(
        "insert into agent_replies (tenant_id, message_id, handoff_id, subject_id, agent_id, idempotency_key,"
        " request_hash) values (%s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
        (
            agent.tenant_id,
            reply.message_id,
            handoff.id,
            handoff.subject_id,
            agent.subject_id,
            idempotency_key,
            reply.request_hash,
        ),
    )
    if cursor.rowcount != 1:
        raise KeyReused
