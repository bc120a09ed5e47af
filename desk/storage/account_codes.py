"""Account codes: each proves once that its holder reads a mailbox; kept as hashes."""

from __future__ import annotations

from typing import Literal

from desk.domain import SubjectId, TenantId
from desk.storage.pool import Tx

# `known` is no code, but notes that an address was told that it has an account already.
CodePurpose = Literal["verify", "reset", "known"]


async def issue(
    tx: Tx,
    tenant_id: TenantId,
    account_id: SubjectId,
    purpose: CodePurpose,
    code_hash: bytes,
    *,
    minutes: int,
) -> bool:
    """Keep a new code in place of the last one; False, and nothing kept, within a minute after that one.

    Nor does it take the place of one that holds longer: whoever asks for a reset ends no invitation.
    """
    cursor = await tx.execute(
        "insert into account_codes as c (tenant_id, subject_id, purpose, code_hash, expires_at)"
        " values (%s, %s, %s, %s, now() + make_interval(mins => %s))"
        " on conflict (tenant_id, subject_id, purpose) do update set code_hash = excluded.code_hash,"
        " created_at = now(), expires_at = excluded.expires_at"
        " where c.created_at < now() - interval '1 minute' and c.expires_at <= excluded.expires_at",
        (tenant_id, account_id, purpose, code_hash, minutes),
    )
    return cursor.rowcount == 1


async def spend(tx: Tx, account_id: SubjectId, purpose: CodePurpose, code_hash: bytes) -> bool:
    """Use a code up; False when it is not the one, or too old."""
    cursor = await tx.execute(
        "delete from account_codes where subject_id = %s and purpose = %s and code_hash = %s"
        " and expires_at > now()",
        (account_id, purpose, code_hash),
    )
    return cursor.rowcount == 1


async def forget(tx: Tx, account_id: SubjectId) -> None:
    """Make every code of the account useless."""
    await tx.execute("delete from account_codes where subject_id = %s", (account_id,))
