"""Accounts of the built-in issuer: registering, proving an address, signing in, choosing a new password."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from desk.bootstrap import Engine
from desk.domain import Principal, SubjectId, Tenant, TenantId
from desk.errors import Forbidden, InvalidInput, RateLimited, Unauthenticated
from desk.mail.port import is_address
from desk.storage import account_codes, accounts, audit, login_attempts
from desk.storage.accounts import Account
from desk.storage.pool import Tx
from server.identity.aside import Aside
from server.identity.letters import Letters
from server.identity.membership import Membership
from server.identity.passwords import Passwords, refuse_weak

CODE_MINUTES = 30
_WRONG = "The address or the password is wrong, or the account is not confirmed yet."
_WRONG_CODE = "The code is wrong or too old; ask for a new one."
_CLOSED = "Nobody can register there."
_NO_TENANT = TenantId(UUID(int=0))


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who has just proved an account."""

    tenant: Tenant
    account: Account
    email: str


class Accounts:
    """What somebody without a token may ask for. No answer, and no time it takes, says who has an account."""

    def __init__(
        self,
        engine: Engine,
        membership: Membership,
        passwords: Passwords,
        letters: Letters,
        aside: Aside,
    ) -> None:
        self._engine = engine
        self._membership = membership
        self._passwords = passwords
        self._letters = letters
        self._aside = aside

    async def register(self, slug: str, email: str, password: str) -> None:
        """Send a code to an address without an account; raises Forbidden where people cannot register."""
        refuse_weak(password, email)
        tenant = await self._tenant(slug)
        if tenant is None or not tenant.settings.self_registration:
            raise Forbidden(_CLOSED)
        password_hash = await self._passwords.hash(password)
        self._aside.run("a registration", self._register(tenant, email, password_hash))

    async def verify(self, slug: str, email: str, password: str, code: str) -> SignedIn:
        """Confirm a registration by its code and its password; raises Unauthenticated, RateLimited.

        The password is asked for again so that nobody can choose one for somebody else's address and wait
        until its owner confirms it.
        """
        tenant, account = await self._claimed(slug, email)
        pending = account is not None and account.state == "pending"
        known = account.password_hash if account and pending else None
        if not await self._passwords.matches(password, known) or tenant is None or account is None:
            raise Unauthenticated(_WRONG_CODE)
        async with self._worker(tenant.id) as tx:
            locked = await accounts.get(tx, account.id)
            spent = await account_codes.spend(tx, account.id, "verify", self._membership.hash(code))
            if not spent or locked is None or locked.state != "pending":
                raise Unauthenticated(_WRONG_CODE)
            await accounts.change(tx, account.id, state="active", role=locked.role)
            await audit.record(tx, _themselves(tenant, account.id), "account.verified", str(account.id))
        return await self._proved(SignedIn(tenant, locked, email))

    async def login(self, slug: str, email: str, password: str) -> SignedIn:
        """Sign in; raises Unauthenticated, and RateLimited with a growing wait after five failures."""
        tenant, account = await self._claimed(slug, email)
        active = account is not None and account.state == "active"
        known = account.password_hash if account and active else None
        if not await self._passwords.matches(password, known) or tenant is None or account is None:
            raise Unauthenticated(_WRONG)
        # Comparing takes its time, and meanwhile the account may have been disabled or its password replaced.
        fresh = await self._find(tenant.id, email)
        if fresh is None or fresh.state != "active" or fresh.password_hash != known:
            raise Unauthenticated(_WRONG)
        return await self._proved(SignedIn(tenant, fresh, email))

    async def reset(self, slug: str, email: str) -> None:
        """Send a code for a new password, if there is such an account."""
        self._aside.run("a reset", self._reset(slug, email))

    async def confirm(self, slug: str, email: str, code: str, password: str) -> None:
        """Set a new password by a code, which also confirms the address; ends whatever was signed in."""
        refuse_weak(password, email)
        tenant, account = await self._claimed(slug, email)
        password_hash = await self._passwords.hash(password)
        if tenant is None or account is None:
            raise Unauthenticated(_WRONG_CODE)
        async with self._worker(tenant.id) as tx:
            locked = await accounts.get(tx, account.id)
            spent = await account_codes.spend(tx, account.id, "reset", self._membership.hash(code))
            if not spent or locked is None or locked.state == "disabled":
                raise Unauthenticated(_WRONG_CODE)
            await accounts.set_password(tx, account.id, password_hash, state="active")
            await account_codes.forget(tx, account.id)
            await accounts.sign_out(tx, account.id)
            await audit.record(tx, _themselves(tenant, account.id), "account.password_reset", str(account.id))
        self._engine.keys.forget(account.id)
        await self._proved(SignedIn(tenant, account, email))

    async def _register(self, tenant: Tenant, email: str, password_hash: str) -> None:
        account_id, sealed = await self._membership.subject(tenant, email)
        async with self._worker(tenant.id) as tx:
            await accounts.add(tx, tenant.id, account_id, sealed, state="pending", role="user")
            account = await accounts.get(tx, account_id)
            if account is None or account.state == "disabled":
                return
            told: Literal["verify", "known"] = "verify" if account.state == "pending" else "known"
            code = await self._membership.issue(tx, tenant, account_id, told, minutes=CODE_MINUTES)
            if code is not None and account.state == "pending":
                await accounts.set_password(tx, account_id, password_hash)
        if code is not None:
            await self._letters.send(told, tenant, email, code=code)

    async def _reset(self, slug: str, email: str) -> None:
        tenant = await self._tenant(slug)
        account = await self._find(tenant.id, email) if tenant else None
        if tenant is None or account is None or account.state == "disabled":
            return
        async with self._worker(tenant.id) as tx:
            code = await self._membership.issue(tx, tenant, account.id, "reset", minutes=CODE_MINUTES)
        if code is not None:
            await self._letters.send("reset", tenant, email, code=code)

    async def _claimed(self, slug: str, email: str) -> tuple[Tenant | None, Account | None]:
        """Whom somebody says they are; counts as a failure until they prove it. Raises RateLimited."""
        tenant = await self._tenant(slug)
        async with self._engine.database.control_tx() as tx:
            wait = await login_attempts.take(tx, self._attempts_of(slug, email))
        if wait is not None:
            raise RateLimited(wait, "Too many wrong passwords; wait before you try again.")
        # Nobody's tenant is asked the same question, so that it takes as long.
        account = await self._find(tenant.id if tenant else _NO_TENANT, email)
        return tenant, account

    async def _proved(self, who: SignedIn) -> SignedIn:
        async with self._engine.database.control_tx() as tx:
            await login_attempts.clear(tx, self._attempts_of(who.tenant.slug, who.email))
        return who

    async def _tenant(self, slug: str) -> Tenant | None:
        try:
            return await self._engine.tenants.get(slug)
        except Unauthenticated:
            return None

    async def _find(self, tenant_id: TenantId, email: str) -> Account | None:
        async with self._worker(tenant_id) as tx:
            return await accounts.find(
                tx, self._engine.keys.identity_hash(tenant_id, self._engine.settings.issuer, email)
            )

    def _worker(self, tenant_id: TenantId) -> AbstractAsyncContextManager[Tx]:
        return self._engine.database.tenant_tx(Principal(tenant_id, "worker"))

    def _attempts_of(self, slug: str, email: str) -> bytes:
        return self._engine.keys.keyed_hash(f"login\0{slug}\0{email}".encode())


def address(text: str) -> str:
    """An e-mail address as accounts know it; raises InvalidInput unless it is one."""
    if not is_address(text.strip()):
        raise InvalidInput("Write a plain e-mail address, for example ada@example.com.")
    return text.strip().casefold()


def _themselves(tenant: Tenant, account_id: SubjectId) -> Principal:
    return Principal(tenant.id, "user", account_id)
