"""turns: the dead letters of a tenant, to look at, replay or drop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

import typer

from desk.domain import Principal, TurnId
from desk.embedded import Engines
from desk.errors import InvalidInput, NotFound
from desk.settings import Settings
from desk.storage import dead_letters, tenants, turns
from desk.storage.pool import Database, Tx
from server.commands.opening import say, with_stores

app = typer.Typer()
turns_app = typer.Typer(help="Turns that could not be completed.", no_args_is_help=True)
app.add_typer(turns_app, name="turns")

_PAGE = 200

TenantOption = Annotated[str, typer.Option("--tenant", help="The tenant's slug.")]
TurnArgument = Annotated[UUID, typer.Argument(help="The turn's id, as `desk turns list` prints it.")]
Act = Callable[[Tx, Principal], Awaitable[None]]


@turns_app.command("list")
def list_turns(tenant: TenantOption) -> None:
    """Print every dead letter: id, when it was accepted, tries, reason."""

    async def show(tx: Tx, _: Principal) -> None:
        after: TurnId | None = None
        while page := await turns.list_dead(tx, after=after, limit=_PAGE):
            for turn in page:
                accepted_at = turn.accepted_at.isoformat(timespec="seconds")
                typer.echo(f"{turn.id}\t{accepted_at}\t{turn.attempts}\t{turn.reason}")
            after = page[-1].id

    _as_admin(tenant, show)


@turns_app.command("replay")
def replay_turn(turn: TurnArgument, tenant: TenantOption) -> None:
    """Let a dead letter run again, with three new tries; a running application or worker takes it."""
    _as_admin(tenant, lambda tx, principal: dead_letters.replay(tx, principal, TurnId(turn)))
    say(f"{turn} is queued again.")


@turns_app.command("drop")
def drop_turn(turn: TurnArgument, tenant: TenantOption) -> None:
    """Delete a dead letter with the message in it."""
    _as_admin(tenant, lambda tx, principal: dead_letters.drop(tx, principal, TurnId(turn)))
    say(f"{turn} is gone.")


def _as_admin(slug: str, act: Act) -> None:
    async def run(_: Settings, found: Engines) -> None:
        database = Database(found.database_url, size=2)
        await database.open()
        try:
            async with database.control_tx() as tx:
                known = await tenants.by_slug(tx, slug)
            if known is None:
                raise InvalidInput(f"There is no tenant {slug!r}; `desk tenant list` shows them.")
            database.place(known.id, known.placement)
            principal = Principal(known.id, "admin")
            async with database.tenant_tx(principal) as tx:
                await act(tx, principal)
        except NotFound:
            raise InvalidInput("There is no such dead letter; `desk turns list` shows them.") from None
        finally:
            await database.close()

    with_stores(run)
