"""Feedback: what a customer thought of one answer."""

from __future__ import annotations

from typing import Literal

from desk.domain import Principal, TurnId
from desk.storage.pool import Tx

Rating = Literal["up", "down"]


async def put(
    tx: Tx,
    principal: Principal,
    turn_id: TurnId,
    rating: Rating,
    tags: list[str],
    comment_sealed: bytes | None,
) -> None:
    """Rate a turn of one's own; a second rating replaces the first."""
    await tx.execute(
        "insert into feedback (tenant_id, turn_id, subject_id, rating, tags, comment_sealed)"
        " values (%s, %s, %s, %s, %s, %s) on conflict (tenant_id, turn_id, subject_id) do update"
        " set rating = excluded.rating, tags = excluded.tags, comment_sealed = excluded.comment_sealed",
        (principal.tenant_id, turn_id, principal.subject_id, rating, tags, comment_sealed),
    )


async def given(tx: Tx, principal: Principal, turn_ids: set[TurnId]) -> dict[TurnId, Rating]:
    """How this person rated these turns; those that they did not are not in it."""
    cursor = await tx.execute(
        "select turn_id, rating from feedback where subject_id = %s and turn_id = any(%s)",
        (principal.subject_id, list(turn_ids)),
    )
    return dict(await cursor.fetchall())


def comment_aad(turn_id: TurnId) -> bytes:
    """What binds a sealed comment to its row."""
    return b"feedback.comment:" + turn_id.bytes
