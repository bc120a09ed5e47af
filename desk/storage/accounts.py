"""Accounts: people of a tenant who sign in with a password; one for each subject."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from desk.domain import SubjectId, TenantId
from desk.storage import refresh_tokens, subjects
from desk.storage.pool import Tx

AccountState = Literal["pending", "active", "disabled"]
AccountRole = Literal["user", "agent", "admin", "platform"]

_COLUMNS = "a.subject_id, a.state, a.role, a.email_sealed, a.password_hash, a.created_at, s.valid_after"
_FROM = "from accounts a join subjects s on s.tenant_id = a.tenant_id and s.id = a.subject_id"


@dataclass(frozen=True, slots=True)
class Account:
    """An account as it is stored; `valid_after` is when its person was last signed out everywhere."""

    id: SubjectId
    state: AccountState
    role: AccountRole
    email_sealed: bytes
    password_hash: str | None
    created_at: datetime
    valid_after: datetime | None

    def __repr__(self) -> str:
        return f"Account({self.id}, {self.state}, {self.role})"


async def find(tx: Tx, identity_hash: bytes) -> Account | None:
    """The account of the living subject with this identity."""
    cursor = await tx.execute(
        f"select {_COLUMNS} {_FROM} where s.identity_hash = %s and s.erased_at is null",
        (identity_hash,),
    )
    row = await cursor.fetchone()
    return Account(*row) if row else None


async def get(tx: Tx, account_id: SubjectId, *, hold: bool = True) -> Account | None:
    """The account of this subject; `hold` locks its row."""
    lock = "for no key update of a" if hold else ""
    cursor = await tx.execute(
        f"select {_COLUMNS} {_FROM} where a.subject_id = %s and s.erased_at is null {lock}",
        (account_id,),
    )
    row = await cursor.fetchone()
    return Account(*row) if row else None


async def list_page(tx: Tx, *, after: SubjectId | None, limit: int) -> list[Account]:
    """Accounts that were confirmed once or that somebody was invited to, by id."""
    cursor = await tx.execute(
        f"select {_COLUMNS} {_FROM}"
        " where s.erased_at is null and (a.state <> 'pending' or a.role <> 'user')"
        " and (%(after)s::uuid is null or a.subject_id > %(after)s) order by a.subject_id limit %(limit)s",
        {"after": after, "limit": limit},
    )
    return [Account(*row) for row in await cursor.fetchall()]


async def add(
    tx: Tx,
    tenant_id: TenantId,
    account_id: SubjectId,
    email_sealed: bytes,
    *,
    state: AccountState,
    role: AccountRole,
) -> bool:
    """Add an account; False when the subject has one."""
    cursor = await tx.execute(
        "insert into accounts (tenant_id, subject_id, state, role, email_sealed) values (%s, %s, %s, %s, %s)"
        " on conflict do nothing",
        (tenant_id, account_id, state, role, email_sealed),
    )
    return cursor.rowcount == 1


async def set_password(
    tx: Tx, account_id: SubjectId, password_hash: str, *, state: AccountState | None = None
) -> None:
    """Replace the password, and with it the state if one is given."""
    await tx.execute(
        "update accounts set password_hash = %s, state = coalesce(%s, state) where subject_id = %s",
        (password_hash, state, account_id),
    )


async def change(tx: Tx, account_id: SubjectId, *, state: AccountState, role: AccountRole) -> None:
    """Set what the account is and may do.

    A password that nobody confirmed may be a stranger's: disabling takes it away, as enabling confirms.
    """
    await tx.execute(
        "update accounts set state = %(state)s, role = %(role)s, password_hash ="
        " case when state = 'pending' and %(state)s = 'disabled' then null else password_hash end"
        " where subject_id = %(id)s",
        {"state": state, "role": role, "id": account_id},
    )


async def sign_out(tx: Tx, subject_id: SubjectId) -> None:
    """End every login of a person, with an account or without: refresh tokens, tokens and sessions."""
    await refresh_tokens.end_all(tx, subject_id)
    await subjects.sign_out(tx, subject_id)


async def delete_unconfirmed(tx: Tx, *, days: int, limit: int) -> int:
    """Delete registrations that nobody confirmed for `days`, and people of whom nothing else is known."""
    cursor = await tx.execute(
        "delete from accounts where (tenant_id, subject_id) in (select tenant_id, subject_id from accounts"
        " where state = 'pending' and created_at < now() - make_interval(days => %s)"
        " order by created_at limit %s for update skip locked) returning subject_id",
        (days, limit),
    )
    ids = [row[0] for row in await cursor.fetchall()]
    await tx.execute(
        "delete from subjects s where id = any(%s) and valid_after is null"
        " and not exists (select from conversations c where c.subject_id = s.id)"
        " and not exists (select from agents a where a.subject_id = s.id)",
        (ids,),
    )
    return len(ids)


def email_aad(account_id: SubjectId) -> bytes:
    """What binds a sealed address to its row."""
    return b"accounts.email:" + account_id.bytes
