"""The reception: everything that lets people in, opened once a process and built from the settings."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass

from desk.bootstrap import Engine
from desk.domain import Principal, SubjectId, Tenant
from desk.mail.mailers import open_mailer
from desk.settings import Settings
from desk.storage.accounts import AccountRole
from server.identity.accounts import Accounts
from server.identity.api_keys import ApiKeys
from server.identity.aside import Aside
from server.identity.jwks import open_client
from server.identity.letters import Letters
from server.identity.membership import Membership
from server.identity.oidc import OidcLogin
from server.identity.passwords import Passwords
from server.identity.sign_ins import SignIns
from server.identity.sites import Sites
from server.identity.verifier import ExternalTokens, Verifier
from server.identity.widget import Widget
from server.issuer import Issuer, load_issuer


@dataclass(frozen=True, slots=True)
class Reception:
    """Who comes in, and by which door."""

    issuer: Issuer
    verifier: Verifier
    api_keys: ApiKeys
    accounts: Accounts
    membership: Membership
    sign_ins: SignIns
    oidc: OidcLogin
    sites: Sites
    widget: Widget
    letters: Letters
    aside: Aside

    async def invite(self, by: Principal, tenant: Tenant, email: str, role: AccountRole) -> SubjectId:
        """Make an account and mail its code; raises Conflict when somebody has it already."""
        account_id, code = await self.membership.invite(by, tenant, email, role)
        if code is not None:
            self.aside.run("an invitation", self.letters.send("invited", tenant, email, code=code))
        return account_id


async def open_reception(settings: Settings, engine: Engine, stack: AsyncExitStack) -> Reception:
    """The reception, closed when the stack unwinds. Raises Misconfigured."""
    issuer = load_issuer(settings)
    client = await stack.enter_async_context(open_client())
    verifier = Verifier(issuer, [ExternalTokens(trusted, client) for trusted in settings.issuers])
    stack.push_async_callback(verifier.close)
    aside, passwords = Aside(), Passwords()
    stack.push_async_callback(aside.close)
    aside.run("what passwords are compared with", passwords.warm_up())
    letters = Letters(open_mailer(settings), settings.public_address)
    membership = Membership(engine.database, engine.keys, issuer.name)
    sites = Sites(engine.database)
    return Reception(
        issuer=issuer,
        verifier=verifier,
        api_keys=ApiKeys(engine.database),
        accounts=Accounts(engine, membership, passwords, letters, aside),
        membership=membership,
        sign_ins=SignIns(engine, issuer),
        oidc=OidcLogin(issuer, verifier, client, settings.public_address),
        sites=sites,
        widget=Widget(engine, issuer, verifier, sites),
        letters=letters,
        aside=aside,
    )
