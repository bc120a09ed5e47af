"""Consents: what a person agreed to and took back, by the text they were shown; rows are only added."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from desk.domain import Principal, SubjectId, new_id
from desk.storage.pool import Tx


@dataclass(frozen=True, slots=True)
class Consent:
    """One decision; the newest of a purpose holds."""

    id: UUID
    purpose: str
    text_version: str
    granted: bool
    at: datetime


async def add(tx: Tx, principal: Principal, purpose: str, text_version: str, *, granted: bool) -> Consent:
    """Keep a decision of the principal's."""
    cursor = await tx.execute(
        "insert into consents (tenant_id, id, subject_id, purpose, text_version, granted)"
        " values (%s, %s, %s, %s, %s, %s) returning id, purpose, text_version, granted, at",
        (principal.tenant_id, new_id(), principal.subject_id, purpose, text_version, granted),
    )
    row = await cursor.fetchone()
    assert row is not None
    return Consent(*row)


async def list_all(tx: Tx, subject_id: SubjectId) -> list[Consent]:
    """Every decision of one person, the oldest first."""
    cursor = await tx.execute(
        "select id, purpose, text_version, granted, at from consents where subject_id = %s order by id",
        (subject_id,),
    )
    return [Consent(*row) for row in await cursor.fetchall()]
