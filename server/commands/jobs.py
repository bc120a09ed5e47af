"""jobs, webhook: what runs in the background, what died of it, and what receivers check signatures with."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

import typer

from desk.embedded import Engines
from desk.errors import InvalidInput
from desk.settings import Settings
from desk.storage import tenants
from desk.storage.pool import Database
from desk.subjects.master_keys import open_master_key
from server.commands.accounts import TenantOption
from server.commands.opening import say, with_stores

app = typer.Typer()
jobs_app = typer.Typer(help="Background jobs.", no_args_is_help=True)
webhook_app = typer.Typer(help="What tenants' own services are told.", no_args_is_help=True)
app.add_typer(jobs_app, name="jobs")
app.add_typer(webhook_app, name="webhook")


@jobs_app.command("list")
def list_jobs(
    state: Annotated[
        Literal["waiting", "running", "dead", "all"], typer.Option(help="Which jobs; dead ones need you.")
    ] = "all",
) -> None:
    """Print jobs, and webhooks and mails that reached nobody: id, state, name, tries, ids."""
    from desk.storage import deliveries, jobs

    async def show(_: Settings, found: Engines) -> None:
        wanted: jobs.JobState | None = None if state == "all" else state
        database = Database(found.database_url, size=2)
        await database.open()
        async with database.control_tx() as tx:
            queued = await jobs.list_jobs(tx, wanted)
            dead = await deliveries.list_dead(tx) if wanted in {None, "dead"} else []
        await database.close()
        for job in queued:
            ids = " ".join(f"{name}={value}" for name, value in job.ids.items())
            typer.echo(f"{job.id}\t{job.state}\t{job.name}\t{job.attempts}\t{ids}")
        for delivery in dead:
            ids = f"tenant_id={delivery.tenant_id}"
            typer.echo(f"{delivery.id}\tdead\t{delivery.channel} {delivery.kind}\t{delivery.tries}\t{ids}")

    with_stores(show)


@jobs_app.command("retry")
def retry_job(
    job_id: Annotated[str, typer.Argument(metavar="ID", help="As `desk jobs list` prints it.")],
) -> None:
    """Give a dead job one more try, or begin again with a dead webhook or mail."""
    from desk.storage import deliveries, jobs

    async def again(_: Settings, found: Engines) -> None:
        database = Database(found.database_url, size=2)
        await database.open()
        async with database.control_tx() as tx:
            if job_id.isdecimal():
                queued = await jobs.retry(tx, int(job_id))
            else:
                queued = await deliveries.retry(tx, _uuid(job_id))
        await database.close()
        if not queued:
            raise InvalidInput(f"There is no dead job {job_id}; `desk jobs list --state dead` shows them.")
        say(f"{job_id} is queued again.")

    with_stores(again)


@webhook_app.command("secret")
def show_secret(tenant: TenantOption) -> None:
    """Print the secret with which the tenant's receiver checks X-Desk-Signature."""
    from server.jobs.webhooks import webhook_secret

    async def show(settings: Settings, found: Engines) -> None:
        database = Database(found.database_url, size=2)
        await database.open()
        async with database.control_tx() as tx:
            owner = await tenants.by_slug(tx, tenant)
        master = await open_master_key(settings, database)
        await database.close()
        if owner is None:
            raise InvalidInput(f"There is no tenant {tenant!r}; `desk tenant list` shows them.")
        typer.echo(webhook_secret(master, owner.id))

    with_stores(show)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(f"{text!r} is no id of a job or delivery; `desk jobs list` shows them.") from None
