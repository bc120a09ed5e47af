"""site: the pages on which a tenant's widget stands, and the secret that vouches for their visitors."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

import typer

from desk.embedded import Engines
from desk.errors import InvalidInput
from desk.settings import Settings
from desk.storage import audit, sites
from server.commands.in_tenant import TenantOption, in_tenant
from server.commands.opening import say, with_stores

app = typer.Typer()
site_app = typer.Typer(help="Pages on which a tenant's widget stands.", no_args_is_help=True)
app.add_typer(site_app, name="site")


@site_app.command("create")
def create_site(
    tenant: TenantOption,
    origin: Annotated[list[str], typer.Option(help="https://shop.example; say it again for more.")],
    name: Annotated[str, typer.Option(help="What people call the site.")] = "site",
) -> None:
    """Print a new site key, which may stand in the page for everybody to read."""
    origins = [_origin(text) for text in origin]

    async def create(settings: Settings, found: Engines) -> None:
        async with in_tenant(settings, found, tenant) as place:
            async with place.database.tenant_tx(place.worker) as tx:
                key = await sites.create(tx, place.tenant.id, name, origins)
                await audit.record(tx, place.worker, "site.created", key, {"origins": origins})
            typer.echo(key)

    with_stores(create)


@site_app.command("list")
def list_sites(tenant: TenantOption) -> None:
    """Print the tenant's sites: key, name, origins, and whether it was revoked."""

    async def show(settings: Settings, found: Engines) -> None:
        async with in_tenant(settings, found, tenant) as place:
            async with place.database.tenant_tx(place.worker) as tx:
                known = await sites.list_all(tx, place.tenant.id)
            for site in known:
                state = "revoked" if site.revoked_at else "active"
                typer.echo(f"{site.key}\t{site.name}\t{' '.join(site.origins)}\t{state}")

    with_stores(show)


@site_app.command("revoke")
def revoke_site(key: str, tenant: TenantOption) -> None:
    """End a site key; tokens that were given for it end within ten minutes."""

    async def revoke(settings: Settings, found: Engines) -> None:
        async with (
            in_tenant(settings, found, tenant) as place,
            place.database.tenant_tx(place.worker) as tx,
        ):
            if not await sites.revoke(tx, place.tenant.id, key):
                raise InvalidInput(f"There is no site {key!r} that holds; `desk site list` shows them.")
            await audit.record(tx, place.worker, "site.revoked", key)
        say(f"{key} is revoked.")

    with_stores(revoke)


@site_app.command("secret")
def show_secret(
    tenant: TenantOption,
    *,
    rotate: Annotated[
        bool,
        typer.Option("--rotate", help="Go on to a new one; the last one stays good until the next time."),
    ] = False,
) -> None:
    """Print the secret with which the tenant's server signs who a visitor is."""
    from server.identity.widget import widget_secret

    async def show(settings: Settings, found: Engines) -> None:
        async with in_tenant(settings, found, tenant) as place:
            async with place.database.tenant_tx(place.worker) as tx:
                if rotate:
                    version = await sites.replace_secret(tx, place.tenant.id)
                    await audit.record(tx, place.worker, "site.secret_replaced", str(version))
                else:
                    version = await sites.secret_version(tx, place.tenant.id)
            typer.echo(widget_secret(place.keys, place.tenant.id, version))

    with_stores(show)


def _origin(text: str) -> str:
    """An origin as browsers send it; raises InvalidInput."""
    parts = urlsplit(text)
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or text != f"{parts.scheme}://{parts.netloc}"
    ):
        raise InvalidInput(f"{text!r} is no origin; write https://shop.example, without a path.")
    return text.lower()
