"""tenant: the customers of the service, made, configured, suspended, exported and erased."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import orjson
import typer
from pydantic import SecretStr

from desk.domain import Principal
from desk.embedded import Engines
from desk.errors import InvalidInput
from desk.settings import Settings
from desk.storage import tenants
from desk.storage.pool import Database
from desk.subjects.keys import KeyRing
from desk.subjects.master_keys import open_master_key
from server.commands.opening import saved, say, with_stores

if TYPE_CHECKING:
    from server.tenancy import Tenancy

app = typer.Typer()
tenant_app = typer.Typer(help="The customers of the service.", no_args_is_help=True)
app.add_typer(tenant_app, name="tenant")

Result = TypeVar("Result")
Assignments = Annotated[
    list[str] | None,
    typer.Argument(help="Settings as name=value; the value is JSON, or else text; null puts one back."),
]


@tenant_app.command("create")
def create_tenant(
    slug: str,
    name: Annotated[str | None, typer.Option(help="The name people read.")] = None,
    placement: Annotated[
        Literal["shared", "own"], typer.Option(help="`own` is a schema and a role of its own.")
    ] = "shared",
) -> None:
    """Add a tenant; one that has the slug already is left as it is."""

    async def create(tenancy: Tenancy) -> None:
        async with tenancy.database.control_tx() as tx:
            made = await tenants.read_stored(tx, slug)
        made = made or await tenancy.create(slug, name or slug, {}, placement, say)
        say(f"{made.slug}  {made.id}")

    _with_tenancy(create)


@tenant_app.command("list")
def list_tenants() -> None:
    """Print every tenant: slug, id, name, status, placement."""

    async def show(tenancy: Tenancy) -> None:
        after = ""
        while True:
            async with tenancy.database.control_tx() as tx:
                found = await tenants.list_page(tx, after, 500)
            for one in found:
                typer.echo(f"{one.slug}\t{one.id}\t{one.name}\t{one.status}\t{one.placement}")
            if not found:
                return
            after = found[-1].slug

    _with_tenancy(show)


@tenant_app.command("show")
def show_tenant(slug: str) -> None:
    """Print a tenant with the settings that were set, as JSON."""

    from server.tenancy import shown

    async def show(tenancy: Tenancy) -> None:
        typer.echo(orjson.dumps(shown(await tenancy.get(slug)), option=orjson.OPT_INDENT_2))

    _with_tenancy(show)


@tenant_app.command("set")
def set_tenant(
    slug: str,
    settings: Assignments = None,
    name: Annotated[str | None, typer.Option(help="The name people read.")] = None,
) -> None:
    """Change a tenant's settings, for example `desk tenant set my-shop retention_days=90 locale=de`."""
    changes = dict(map(_assigned, settings or []))

    async def change(tenancy: Tenancy) -> None:
        changed = await tenancy.change(slug, name, changes)
        typer.echo(orjson.dumps(changed.settings, option=orjson.OPT_INDENT_2))

    _with_tenancy(change)


@tenant_app.command("index")
def index_tenant(slug: str) -> None:
    """Make an index of a tenant's FAQs, from some 10,000 on: searches then no longer read them all."""
    vectors = _with_tenancy(lambda tenancy: tenancy.index(slug))
    say(f"{slug} has an index of {vectors} vectors; every process uses it within a minute.")


@tenant_app.command("suspend")
def suspend_tenant(slug: str) -> None:
    """Stop a tenant: running turns end, jobs leave it out, its callers get 403."""
    _with_tenancy(lambda tenancy: tenancy.set_status(slug, "suspended"))
    say(f"{slug} is suspended.")


@tenant_app.command("resume")
def resume_tenant(slug: str) -> None:
    """Let a suspended tenant go on."""
    _with_tenancy(lambda tenancy: tenancy.set_status(slug, "active"))
    say(f"{slug} is active.")


@tenant_app.command("export")
def export_tenant(
    slug: str, out: Annotated[Path, typer.Option(dir_okay=False, help="Where the lines of JSON go.")]
) -> None:
    """Write every row of a tenant, messages with their text."""

    async def export(tenancy: Tenancy) -> None:
        lines = 0
        with saved(out) as file:
            async for line in tenancy.export(slug):
                file.write(line)
                lines += 1
                if lines % 10_000 == 0:
                    say(f"{lines} rows ...")
        say(f"{lines} rows in {out}")

    _with_tenancy(export)


@tenant_app.command("erase")
def erase_tenant(
    slug: str, confirm: Annotated[str, typer.Option(help="The slug once more: this cannot be undone.")]
) -> None:
    """Delete a suspended tenant with all it has; may be broken off and begun again."""
    if confirm != slug:
        raise InvalidInput(f"This cannot be undone; say --confirm {slug} if it is meant.")
    gone = _with_tenancy(lambda tenancy: tenancy.erase(slug, say))
    say(f"{slug} is gone, with {gone} rows.")


def _with_tenancy(work: Callable[[Tenancy], Awaitable[Result]]) -> Result:
    from server.promises import Promises
    from server.tenancy import Tenancy

    async def run(settings: Settings, found: Engines) -> Result:
        database = Database(found.database_url, size=2)
        await database.open()
        try:
            async with database.control_tx() as tx:
                platform = await tenants.by_slug(tx, tenants.PLATFORM)
            assert platform is not None, "a migration makes it"
            owner = settings.model_copy(
                update={"migration_database_url": SecretStr(found.migration_database_url)}
            )
            keys = KeyRing(database, await open_master_key(settings, database))
            operator, promises = Principal(platform.id, "admin"), Promises(settings, database)
            return await work(Tenancy(owner, database, keys, operator, promises))
        finally:
            await database.close()

    return with_stores(run)


def _assigned(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign:
        raise InvalidInput(f"{text!r}: write a setting as name=value.")
    try:
        return name, orjson.loads(value)
    except orjson.JSONDecodeError:
        return name, value
