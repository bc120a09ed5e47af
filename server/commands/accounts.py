"""token, tenant, key: who may come in."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from desk.embedded import Engines
from desk.errors import InvalidInput
from desk.settings import Settings, load_settings
from desk.storage import api_keys, tenants
from desk.storage.pool import Database
from server.commands.opening import say, with_stores

app = typer.Typer()
tenant_app = typer.Typer(help="The customers of the service.", no_args_is_help=True)
key_app = typer.Typer(help="API keys of services.", no_args_is_help=True)
app.add_typer(tenant_app, name="tenant")
app.add_typer(key_app, name="key")

TenantOption = Annotated[str, typer.Option("--tenant", help="The tenant's slug.")]


@app.command()
def token(
    tenant: TenantOption,
    user: Annotated[str, typer.Option("--user", help="The person's e-mail address.")],
    role: Annotated[Literal["user", "agent", "admin"], typer.Option("--role")] = "user",
) -> None:
    """Print a signed access token of the built-in issuer, and nothing else."""
    from server.issuer import load_issuer

    settings = load_settings()
    if "@" not in user:
        raise InvalidInput("--user takes an e-mail address, for example ada@example.com.")
    seconds = settings.access_token_expire_minutes * 60
    typer.echo(load_issuer(settings).sign(tenant=tenant, email=user, role=role, seconds=seconds))


@tenant_app.command("create")
def create_tenant(
    slug: str, name: Annotated[str | None, typer.Option(help="The name people read.")] = None
) -> None:
    """Add a tenant; one that has the slug already is left as it is."""

    async def create(_: Settings, found: Engines) -> None:
        database = Database(found.database_url, size=2)
        await database.open()
        async with database.control_tx() as tx:
            tenant = await tenants.create(tx, slug, name or slug)
        await database.close()
        say(f"{tenant.slug}  {tenant.id}")

    with_stores(create)


@tenant_app.command("list")
def list_tenants() -> None:
    """Print every active tenant: slug, id, name."""

    async def show(_: Settings, found: Engines) -> None:
        database = Database(found.database_url, size=2)
        await database.open()
        async with database.control_tx() as tx:
            for tenant in await tenants.list_all(tx):
                typer.echo(f"{tenant.slug}\t{tenant.id}\t{tenant.name}")
        await database.close()

    with_stores(show)


@key_app.command("create")
def create_key(
    tenant: TenantOption, name: Annotated[str, typer.Option(help="What the key is for.")] = "service"
) -> None:
    """Print a new API key; it cannot be read again."""

    async def create(_: Settings, found: Engines) -> None:
        database = Database(found.database_url, size=2)
        await database.open()
        async with database.control_tx() as tx:
            owner = await tenants.by_slug(tx, tenant)
            if owner is None:
                raise InvalidInput(f"There is no tenant {tenant!r}; `desk tenant list` shows them.")
            typer.echo(await api_keys.create(tx, owner.id, name))
        await database.close()

    with_stores(create)
