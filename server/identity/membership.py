"""Membership: accounts that somebody else makes for a person, an operator or a tenant's admin."""

from __future__ import annotations

from desk.domain import Principal, SubjectId, Tenant
from desk.errors import Conflict
from desk.storage import account_codes, accounts, audit
from desk.storage.account_codes import CodePurpose
from desk.storage.accounts import AccountRole
from desk.storage.pool import Database, Tx
from desk.subjects.keys import KeyRing
from server.identity.codes import new_code, plain
from server.identity.passwords import Passwords, refuse_weak

INVITATION_MINUTES = 3 * 24 * 60


class Membership:
    """Makes accounts and their one-time codes."""

    def __init__(self, database: Database, keys: KeyRing, issuer: str) -> None:
        self._database = database
        self._keys = keys
        self._issuer = issuer

    async def create(
        self, tenant: Tenant, email: str, password: str, role: AccountRole, passwords: Passwords
    ) -> SubjectId:
        """An account for whose address an operator vouches; raises Conflict when there is one."""
        refuse_weak(password, email)
        account_id, sealed = await self.subject(tenant, email)
        password_hash = await passwords.hash(password)
        worker = Principal(tenant.id, "worker")
        async with self._database.tenant_tx(worker) as tx:
            if not await accounts.add(tx, tenant.id, account_id, sealed, state="active", role=role):
                raise Conflict("This address has an account already.")
            await accounts.set_password(tx, account_id, password_hash)
            await audit.record(tx, worker, "account.created", str(account_id), {"role": role})
        return account_id

    async def invite(
        self, by: Principal, tenant: Tenant, email: str, role: AccountRole
    ) -> tuple[SubjectId, str | None]:
        """An account that its owner confirms by the code, which is None within a minute of the last one.

        Raises Conflict when somebody confirmed an account with this address already.
        """
        account_id, sealed = await self.subject(tenant, email)
        async with self._database.tenant_tx(Principal(tenant.id, "worker")) as tx:
            if not await accounts.add(tx, tenant.id, account_id, sealed, state="pending", role=role):
                known = await accounts.get(tx, account_id)
                if known is None or known.state != "pending":
                    raise Conflict("This address has an account already; change its role instead.")
                await accounts.change(tx, account_id, state="pending", role=role)
            code = await self.issue(tx, tenant, account_id, "reset", minutes=INVITATION_MINUTES)
            await audit.record(tx, by, "account.invited", str(account_id), {"role": role})
        return account_id, code

    async def subject(self, tenant: Tenant, email: str) -> tuple[SubjectId, bytes]:
        """The person of this address, and the address sealed under their key."""
        subject_id = await self._keys.subject(tenant.id, self._issuer, email)
        key = await self._keys.data_key(Principal(tenant.id, "worker", subject_id))
        return subject_id, key.seal_text(email, aad=accounts.email_aad(subject_id))

    async def issue(
        self, tx: Tx, tenant: Tenant, account_id: SubjectId, purpose: CodePurpose, *, minutes: int
    ) -> str | None:
        """A new code, or None when one was made less than a minute ago."""
        code = new_code()
        kept = self.hash(code)
        issued = await account_codes.issue(tx, tenant.id, account_id, purpose, kept, minutes=minutes)
        return code if issued else None

    def hash(self, code: str) -> bytes:
        """What is kept of a code, however it was typed."""
        return self._keys.keyed_hash(b"account code\0" + plain(code))
