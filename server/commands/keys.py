"""key: the API keys of a tenant's services."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from desk.embedded import Engines
from desk.errors import InvalidInput
from desk.settings import Settings
from desk.storage import api_keys, audit
from server.access import RIGHTS
from server.commands.in_tenant import TenantOption, in_tenant
from server.commands.opening import say, with_stores

app = typer.Typer()
key_app = typer.Typer(help="API keys of services.", no_args_is_help=True)
app.add_typer(key_app, name="key")

KeyArgument = Annotated[UUID, typer.Argument(help="The key's id, as `desk key list` prints it.")]
_HOUR = 3600


@key_app.command("create")
def create_key(
    tenant: TenantOption,
    name: Annotated[str, typer.Option(help="What the key is for.")] = "service",
    right: Annotated[
        list[str] | None, typer.Option(help="A right of a service; say it again for more. Default: all.")
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="After so many days the key ends.")
    ] = None,
) -> None:
    """Print a new API key; it cannot be read again."""
    rights = sorted(set(right or RIGHTS["service"]))
    if not RIGHTS["service"].issuperset(rights):
        raise InvalidInput(f"A service may have {', '.join(sorted(RIGHTS['service']))}.")

    async def create(settings: Settings, found: Engines) -> None:
        async with in_tenant(settings, found, tenant) as place:
            async with place.database.tenant_tx(place.worker) as tx:
                key = await api_keys.create(tx, place.tenant.id, name, rights, days=days)
                key_id = str(api_keys.id_of(key))
                await audit.record(tx, place.worker, "api_key.created", key_id, {"rights": rights})
            typer.echo(key)

    with_stores(create)


@key_app.command("list")
def list_keys(tenant: TenantOption) -> None:
    """Print the tenant's keys: id, name, rights, end, last use."""

    async def show(settings: Settings, found: Engines) -> None:
        async with in_tenant(settings, found, tenant) as place:
            async with place.database.tenant_tx(place.worker) as tx:
                keys = await api_keys.list_all(tx, place.tenant.id)
            for key in keys:
                end = "revoked" if key.revoked_at else key.expires_at or "-"
                typer.echo(f"{key.id}\t{key.name}\t{','.join(key.rights)}\t{end}\t{key.last_used_at or '-'}")

    with_stores(show)


@key_app.command("rotate")
def rotate_key(
    key_id: KeyArgument,
    tenant: TenantOption,
    overlap_hours: Annotated[int, typer.Option(min=0, max=720, help="So long the old key holds yet.")] = 24,
) -> None:
    """Print a new key with the same name, rights and end, in place of this one."""

    async def rotate(settings: Settings, found: Engines) -> None:
        async with in_tenant(settings, found, tenant) as place:
            async with place.database.tenant_tx(place.worker) as tx:
                known = await api_keys.get(tx, place.tenant.id, key_id)
                if known is None:
                    raise InvalidInput(f"There is no key {key_id} that holds; `desk key list` shows them.")
                key = await api_keys.rotate(tx, known, overlap_seconds=overlap_hours * _HOUR)
                to = {"to": str(api_keys.id_of(key))}
                await audit.record(tx, place.worker, "api_key.rotated", str(key_id), to)
            typer.echo(key)

    with_stores(rotate)


@key_app.command("revoke")
def revoke_key(key_id: KeyArgument, tenant: TenantOption) -> None:
    """End a key; running processes refuse it within ten seconds."""

    async def revoke(settings: Settings, found: Engines) -> None:
        async with (
            in_tenant(settings, found, tenant) as place,
            place.database.tenant_tx(place.worker) as tx,
        ):
            if not await api_keys.revoke(tx, place.tenant.id, key_id):
                raise InvalidInput(f"There is no key {key_id} that holds; `desk key list` shows them.")
            await audit.record(tx, place.worker, "api_key.revoked", str(key_id))
        say(f"{key_id} is revoked.")

    with_stores(revoke)
