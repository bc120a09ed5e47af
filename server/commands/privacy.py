"""subject: erase a person of a tenant, or write out all that is kept of them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

import typer

from desk.domain import SubjectId
from desk.embedded import Engines
from desk.errors import InvalidInput
from desk.settings import Settings
from desk.storage import audit, erasures
from desk.subjects import erasing
from server.commands.in_tenant import Place, TenantOption, in_tenant
from server.commands.opening import say, with_stores

app = typer.Typer()
subject_app = typer.Typer(help="The rights of the people whose data this is.", no_args_is_help=True)
app.add_typer(subject_app, name="subject")

_LOOKS, _PAUSE_SECONDS = 120, 0.5

UserOption = Annotated[
    str, typer.Option("--user", help="The name in their tokens: for the built-in issuer the e-mail.")
]
IssuerOption = Annotated[
    str | None, typer.Option("--issuer", help="Who calls them so; default is the built-in issuer.")
]


Act = Callable[[Place, SubjectId], Awaitable[None]]


@subject_app.command("erase")
def erase_subject(
    tenant: TenantOption,
    user: UserOption,
    issuer: IssuerOption = None,
    *,
    wait: Annotated[bool, typer.Option(help="Wait until all is gone; a worker must be running.")] = False,
) -> None:
    """Erase all that is kept of a person; it cannot be undone. Prints the erasure's id."""

    async def erase(place: Place, subject_id: SubjectId) -> None:
        erasure = await erasing.erase(place.database, place.keys, place.worker, subject_id)
        typer.echo(str(erasure.id))
        for _ in range(_LOOKS if wait else 0):
            async with place.database.tenant_tx(place.worker) as tx:
                now = await erasures.get(tx, erasure.id)
            if now is not None and now.state == "done":
                say("All is gone.")
                return
            await asyncio.sleep(_PAUSE_SECONDS)
        say("The key is destroyed; a running application or worker deletes the rest.")

    _on_person(tenant, user, issuer, erase)


FormOption = Annotated[Literal["json", "html"], typer.Option("--format", help="For machines or for people.")]


@subject_app.command("export")
def export_subject(
    tenant: TenantOption,
    user: UserOption,
    issuer: IssuerOption = None,
    form: FormOption = "json",
) -> None:
    """Write all that is kept of a person to stdout."""

    async def export(place: Place, subject_id: SubjectId) -> None:
        from desk.subjects.export import Exporter
        from desk.subjects.export_forms import written

        exporter = await Exporter.of(place.database, place.keys, place.worker, subject_id)
        async with place.database.tenant_tx(place.worker) as tx:
            await audit.record(tx, place.worker, "subject.export", str(subject_id), {"format": form})
        async for part in written(form, exporter.pieces(), tenant=place.tenant.name):
            sys.stdout.buffer.write(part)

    _on_person(tenant, user, issuer, export)


def _on_person(slug: str, user: str, issuer: str | None, act: Act) -> None:
    async def run(settings: Settings, stores: Engines) -> None:
        async with in_tenant(settings, stores, slug) as place:
            subject_id = await place.keys.find(place.worker, issuer or settings.issuer, user)
            if subject_id is None:
                raise InvalidInput("There is no such person, or not any more.")
            await act(place, subject_id)

    with_stores(run)
