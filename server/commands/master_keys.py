"""master-key: which master key wraps how much, and bringing all of it under the current one."""

from __future__ import annotations

import typer

from desk.embedded import Engines
from desk.settings import Settings
from desk.storage import tenants
from desk.storage.pool import Database
from desk.storage.tenants import Home
from desk.subjects.master_keys import open_master_key
from desk.subjects.rotation import counts, rotate
from graphs.crash_points import crash_point
from server.commands.opening import say, with_stores

app = typer.Typer()
master_key_app = typer.Typer(help="The master key and what it wraps.", no_args_is_help=True)
app.add_typer(master_key_app, name="master-key")


@master_key_app.command("list")
def list_keys() -> None:
    """Print each master key by its id, the one that wraps first, and how many data keys it has."""

    async def show(settings: Settings, found: Engines) -> None:
        database, homes = await _opened(found)
        master = await open_master_key(settings, database)
        by_id = await counts(database, master, homes)
        for key_id in dict.fromkeys((*master.ids, *by_id)):
            state = "current" if key_id == master.id else "known" if key_id in master.ids else "missing"
            typer.echo(f"{key_id.hex()}\t{state}\t{by_id.get(key_id, 0)}")
        await database.close()

    with_stores(show)


@master_key_app.command("rotate")
def rotate_keys() -> None:
    """Wrap every data key anew under the first master key that is set; may be killed and begun again.

    Ends with 1 if there were data keys that no known master key opens.
    """

    async def run(settings: Settings, found: Engines) -> int:
        database, homes = await _opened(found)
        master = await open_master_key(settings, database)
        by_id = await counts(database, master, homes)
        total, done, closed = sum(by_id.values()) - by_id.get(master.id, 0), 0, 0
        async for batch in rotate(database, master, homes):
            done, closed = done + batch.done, closed + batch.closed
            say(f"{batch.home.slug}: {done} of {total} data keys are under {master.id.hex()}")
            crash_point(settings, "rotating")
        await database.close()
        say(f"{done} data keys were wrapped anew, {closed} could not be opened.")
        return closed

    if with_stores(run):
        raise typer.Exit(1)


async def _opened(found: Engines) -> tuple[Database, list[Home]]:
    database = Database(found.database_url, size=2)
    await database.open()
    async with database.control_tx() as tx:
        homes = await tenants.list_homes(tx)
    for home in homes:
        database.place(home.id, home.placement)
    return database, homes
