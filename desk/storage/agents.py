"""Agents: the people of a tenant who answer in the assistant's place, as they were last seen."""

from __future__ import annotations

from dataclasses import dataclass

from desk.domain import Principal, SubjectId
from desk.storage.pool import Tx


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent; the address is sealed under the agent's own key, and None when nobody vouched for it."""

    id: SubjectId
    email_sealed: bytes | None


async def see(tx: Tx, agent: Principal, email_hash: bytes | None, email_sealed: bytes | None) -> None:
    """Note that the agent is here; writes at most once a minute."""
    await tx.execute(
        "insert into agents (tenant_id, subject_id, email_hash, email_sealed) values (%s, %s, %s, %s)"
        " on conflict (tenant_id, subject_id) do update set email_hash = excluded.email_hash,"
        " email_sealed = excluded.email_sealed, seen_at = now()"
        " where agents.seen_at < now() - interval '1 minute'",
        (agent.tenant_id, agent.subject_id, email_hash, email_sealed),
    )


async def list_all(tx: Tx) -> list[Agent]:
    """Every agent of the tenant who ever opened the queue, the latest first."""
    cursor = await tx.execute("select subject_id, email_sealed from agents order by seen_at desc limit 500")
    return [Agent(*row) for row in await cursor.fetchall()]


async def find(tx: Tx, email_hash: bytes) -> SubjectId | None:
    """The agent with this address."""
    cursor = await tx.execute("select subject_id from agents where email_hash = %s", (email_hash,))
    row = await cursor.fetchone()
    return SubjectId(row[0]) if row else None


def email_aad(agent_id: SubjectId) -> bytes:
    """What binds a sealed address to its row."""
    return b"agents.email:" + agent_id.bytes
