"""account: the people of a tenant who sign in with a password, as an operator sees and changes them."""

from __future__ import annotations

import secrets
from typing import Annotated, Literal

import typer

from desk.domain import Principal
from desk.embedded import Engines
from desk.errors import InvalidInput
from desk.settings import Settings
from desk.storage import accounts, audit
from desk.storage.accounts import Account, AccountState
from desk.storage.pool import Tx
from server.commands.in_tenant import Place, TenantOption, in_tenant
from server.commands.opening import say, with_stores

app = typer.Typer()
account_app = typer.Typer(help="People who sign in with a password.", no_args_is_help=True)
app.add_typer(account_app, name="account")

MemberRole = Literal["user", "agent", "admin"]
EmailArgument = Annotated[str, typer.Argument(help="The person's e-mail address.")]
_PAGE = 200


@account_app.command("create")
def create_account(
    email: EmailArgument,
    tenant: TenantOption,
    role: Annotated[MemberRole, typer.Option("--role")] = "user",
    password: Annotated[
        str, typer.Option(envvar="DESK_PASSWORD", help="Left out, one is made up and printed.")
    ] = "",
) -> None:
    """Make an account that may sign in at once; you vouch for its address."""
    from server.identity.accounts import address
    from server.identity.membership import Membership
    from server.identity.passwords import Passwords

    chosen, known_as = password or secrets.token_urlsafe(15), address(email)

    async def create(settings: Settings, found: Engines) -> None:
        async with in_tenant(settings, found, tenant) as place:
            membership = Membership(place.database, place.keys, settings.issuer)
            await membership.create(place.tenant, known_as, chosen, role, Passwords())

    with_stores(create)
    if not password:
        typer.echo(chosen)
    say(f"{email} is {role} of {tenant}.")


@account_app.command("list")
def list_accounts(tenant: TenantOption) -> None:
    """Print the tenant's accounts: id, address, role, state."""

    async def show(settings: Settings, found: Engines) -> None:
        async with in_tenant(settings, found, tenant) as place:
            after = None
            while True:
                async with place.database.tenant_tx(place.worker) as tx:
                    page = await accounts.list_page(tx, after=after, limit=_PAGE)
                for account in page:
                    address = await _address(place, account)
                    typer.echo(f"{account.id}\t{address}\t{account.role}\t{account.state}")
                if len(page) < _PAGE:
                    return
                after = page[-1].id

    with_stores(show)


@account_app.command("disable")
def disable_account(email: EmailArgument, tenant: TenantOption) -> None:
    """Keep somebody out; what was signed for them counts no longer, everywhere within ten seconds."""
    _change(email, tenant, state="disabled")


@account_app.command("role")
def set_role(email: EmailArgument, role: MemberRole, tenant: TenantOption) -> None:
    """Change what somebody may do, or let them in again after `disable`; they sign in anew."""
    _change(email, tenant, role=role, state="active")


def _change(email: str, slug: str, *, role: MemberRole | None = None, state: AccountState) -> None:
    async def change(settings: Settings, found: Engines) -> None:
        async with (
            in_tenant(settings, found, slug) as place,
            place.database.tenant_tx(place.worker) as tx,
        ):
            account = await _find(tx, place, settings.issuer, email)
            now = role or account.role
            await accounts.change(tx, account.id, state=state, role=now)
            await accounts.sign_out(tx, account.id)
            detail = {"role": now, "state": state}
            await audit.record(tx, place.worker, "account.changed", str(account.id), detail)
        say(f"{email} is {state}, as {now}.")

    with_stores(change)


async def _find(tx: Tx, place: Place, issuer: str, email: str) -> Account:
    identity = place.keys.identity_hash(place.tenant.id, issuer, email.strip().casefold())
    account = await accounts.find(tx, identity)
    if account is None:
        raise InvalidInput(f"{email} has no account at {place.tenant.slug}; `desk account list` shows them.")
    return account


async def _address(place: Place, account: Account) -> str:
    key = await place.keys.data_key(Principal(place.tenant.id, "worker", account.id))
    return key.open_text(account.email_sealed, aad=accounts.email_aad(account.id))
