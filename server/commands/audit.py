"""audit: check the chains, or write a tenant's audit out."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from desk.domain import Principal
from desk.embedded import Engines
from desk.errors import InvalidInput
from desk.settings import Settings
from desk.storage import audit, tenants
from desk.storage.pool import Database
from desk.storage.tenants import Home
from desk.subjects.audit_chain import PURPOSE, Chain, Verdict, contains, verify
from desk.subjects.audit_export import audit_lines
from desk.subjects.master_keys import open_master_key
from server.commands.opening import with_stores

app = typer.Typer()
audit_app = typer.Typer(help="Who did what, as a chain that shows what was changed.", no_args_is_help=True)
app.add_typer(audit_app, name="audit")


@audit_app.command("verify")
def verify_audit(
    tenant: Annotated[str | None, typer.Option("--tenant", help="One tenant's slug; default is all.")] = None,
    expect: Annotated[
        str | None,
        typer.Option("--expect", metavar="NUMBER:HASH", help="A seal that was written down before."),
    ] = None,
) -> None:
    """Check every link of the chains: tenant, rows, unsealed rows, newest seal. Ends with 1 if one is broken.

    Write the newest seal down elsewhere: with --expect a chain that was cut at its end shows, too.
    """
    if expect and tenant is None:
        raise InvalidInput("--expect is about one tenant; name it with --tenant.")
    if not with_stores(lambda settings, found: _verify_all(settings, found, tenant, expect)):
        raise typer.Exit(1)


@audit_app.command("export")
def export_audit(tenant: Annotated[str, typer.Option("--tenant", help="The tenant's slug.")]) -> None:
    """Write a tenant's audit to stdout, one JSON object a line, each with its link of the chain."""

    async def export(_: Settings, found: Engines) -> None:
        database = Database(found.database_url, size=2)
        await database.open()
        [home] = await _homes(database, tenant)
        worker = Principal(home.id, "worker")
        async with database.tenant_tx(worker) as tx:
            await audit.record(tx, worker, "audit.export", audit.OBJECT)
        async for line in audit_lines(database, worker):
            sys.stdout.buffer.write(line)
        await database.close()

    with_stores(export)


async def _verify_all(settings: Settings, found: Engines, tenant: str | None, expect: str | None) -> bool:
    database = Database(found.database_url, size=2)
    await database.open()
    master = await open_master_key(settings, database)
    chain, sound = Chain(master.derive(PURPOSE)), True
    for home in await _homes(database, tenant):
        verdict = await verify(database, home.id, chain)
        typer.echo(_told(home, verdict))
        for finding in verdict.findings[:20]:
            typer.echo(f"{home.slug}\tbroken at {finding.number or 'the end'}: {finding.what}")
        sound = sound and not verdict.findings
        if expect and not await _holds(database, home, expect):
            typer.echo(f"{home.slug}\tbroken: the chain does not hold {expect}")
            sound = False
    await database.close()
    return sound


def _told(home: Home, verdict: Verdict) -> str:
    head = f"{verdict.last}:{verdict.head.hex()}" if verdict.last else "-"
    return f"{home.slug}\t{verdict.rows} rows\t{verdict.unsealed} unsealed\t{head}"


async def _holds(database: Database, home: Home, expect: str) -> bool:
    number, _, hashed = expect.partition(":")
    try:
        wanted = int(number), bytes.fromhex(hashed)
    except ValueError:
        raise InvalidInput("--expect takes NUMBER:HASH, as `desk audit verify` prints it.") from None
    async with database.tenant_tx(Principal(home.id, "worker")) as tx:
        return await contains(tx, *wanted)


async def _homes(database: Database, slug: str | None) -> list[Home]:
    async with database.control_tx() as tx:
        homes = [home for home in await tenants.list_homes(tx) if slug in (None, home.slug)]
    if slug and not homes:
        raise InvalidInput(f"There is no tenant {slug!r}; `desk tenant list` shows them.")
    for home in homes:
        database.place(home.id, home.placement)
    return homes
