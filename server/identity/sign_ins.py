"""What somebody who signed in gets: tokens or a session, renewed, and ended here or everywhere."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from structlog import get_logger

from desk.bootstrap import Engine
from desk.domain import Principal
from desk.errors import Unauthenticated
from desk.storage import accounts, audit, refresh_tokens
from desk.storage.accounts import Account
from desk.storage.refresh_tokens import Presented, RefreshToken
from server.access import RIGHTS, Role
from server.identity.accounts import SignedIn
from server.issuer import Issuer

SESSION_SECONDS = 8 * 3600
_OVER = "This refresh token is used, ended or too old; sign in again."

log = get_logger("desk.identity")


class SignIns:
    """Gives tokens of the built-in issuer for accounts, and takes them back."""

    def __init__(self, engine: Engine, issuer: Issuer) -> None:
        self._engine = engine
        self._issuer = issuer

    async def tokens(self, who: SignedIn) -> dict[str, Any]:
        """An access token and the first refresh token of this login.

        Raises Unauthenticated when all logins were ended since the account was proved.
        """
        days = self._engine.settings.refresh_token_expire_days
        async with self._engine.database.tenant_tx(Principal(who.tenant.id, "worker")) as tx:
            account = who.account
            refresh = await refresh_tokens.begin(
                tx, who.tenant.id, account.id, account.valid_after, days=days
            )
        if refresh is None:
            raise Unauthenticated
        return self._answer(who, refresh)

    def session(self, who: SignedIn) -> str:
        """What the session cookie of the pages holds."""
        return self._issuer.sign(
            tenant=who.tenant.slug,
            email=who.email,
            role=role_of(who.account),
            seconds=SESSION_SECONDS,
            typ="session+jwt",
            not_before=_ended_at(who.account),
        )

    async def refresh(self, text: str) -> dict[str, Any]:
        """New tokens for a refresh token, which is used up.

        One that is used twice was stolen, from us or from whoever used it first, so its family ends. Raises
        Unauthenticated.
        """
        presented = refresh_tokens.read(text)
        if presented is None:
            raise Unauthenticated(_OVER)
        tenant = await self._engine.tenants.get(presented.tenant_id)
        worker = Principal(tenant.id, "worker")
        async with self._engine.database.tenant_tx(worker) as tx:
            token = await refresh_tokens.find(tx, presented)
            account = await accounts.get(tx, token.subject_id, hold=False) if token else None
            fresh = None
            if token is not None and token.was_used:
                await refresh_tokens.end_family(tx, token.family_id)
                await audit.record(tx, worker, "refresh_token.reused", str(token.subject_id))
            elif token is not None and account is not None and _counts(token, account):
                fresh = await refresh_tokens.rotate(tx, tenant.id, token)
        if fresh is None or account is None:
            log.info("refresh_refused", what="reused" if token is not None and token.was_used else "unknown")
            raise Unauthenticated(_OVER)
        key = await self._engine.keys.data_key(Principal(tenant.id, "worker", account.id))
        email = key.open_text(account.email_sealed, aad=accounts.email_aad(account.id))
        return self._answer(SignedIn(tenant, account, email), fresh)

    async def logout(self, text: str) -> None:
        """End the login that a refresh token came from; one that is not known is no error."""
        presented = refresh_tokens.read(text)
        if presented is None:
            return
        with suppress(Unauthenticated):
            await self._end(presented)

    async def _end(self, presented: Presented) -> None:
        tenant = await self._engine.tenants.get(presented.tenant_id)
        async with self._engine.database.tenant_tx(Principal(tenant.id, "worker")) as tx:
            token = await refresh_tokens.find(tx, presented)
            if token is not None:
                await refresh_tokens.end_family(tx, token.family_id)

    async def everywhere(self, who: Principal) -> None:
        """End all that was ever signed for a person; other processes know it within ten seconds."""
        assert who.subject_id is not None
        async with self._engine.database.tenant_tx(Principal(who.tenant_id, "worker")) as tx:
            await accounts.sign_out(tx, who.subject_id)
            await audit.record(tx, who, "account.signed_out_everywhere", str(who.subject_id))
        self._engine.keys.forget(who.subject_id)

    def _answer(self, who: SignedIn, refresh: str) -> dict[str, Any]:
        seconds = self._engine.settings.access_token_expire_minutes * 60
        access = self._issuer.sign(
            tenant=who.tenant.slug,
            email=who.email,
            role=role_of(who.account),
            seconds=seconds,
            not_before=_ended_at(who.account),
        )
        return {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": seconds,
            "refresh_token": refresh,
        }


def role_of(account: Account) -> Role:
    """What the account's tokens say; raises Unauthenticated for a role that this release does not know."""
    for role in RIGHTS:
        if role == account.role:
            return role
    raise Unauthenticated


def _counts(token: RefreshToken, account: Account) -> bool:
    """One that was made while all logins ended is deleted by nobody, and does not count."""
    ended = account.valid_after is not None and token.began_at < account.valid_after
    return account.state == "active" and not ended


def _ended_at(account: Account) -> float:
    return account.valid_after.timestamp() if account.valid_after else 0.0
