"""ingest: bring a tenant's knowledge in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from desk.domain import Principal
from desk.errors import InvalidInput
from server.commands.accounts import TenantOption
from server.commands.opening import console, say, tenant_of, with_services

if TYPE_CHECKING:
    from desk.retrieval.ingest import IngestReport
    from graphs.services import Services

app = typer.Typer()

Files = Annotated[list[Path], typer.Argument(exists=True, dir_okay=False)]


@app.command("ingest")
def ingest_files(files: Files, tenant: TenantOption) -> None:
    """Load FAQs from JSONL, CSV, Markdown or HTML files; bad rows are named and skipped.

    A file that cannot be read goes by: the others are loaded, and it ends with 1 and what was wrong.
    """

    async def work(services: Services) -> list[str]:
        owner = Principal((await tenant_of(services, tenant)).id, "admin")
        refused = []
        for file in files:
            try:
                _tell(file, await _ingest_file(services, owner, file))
            except InvalidInput as error:
                refused.append(error.detail)
        await _advise(services, owner, tenant)
        return refused

    refused = with_services(work)
    if refused:
        told = "\n".join(refused)
        raise InvalidInput(f"{len(refused)} of {len(files)} files were not loaded.\n{told}")


async def _ingest_file(services: Services, principal: Principal, file: Path) -> IngestReport:
    from desk.retrieval.ingest import ingest
    from desk.retrieval.load import load

    total = sum(1 for _ in load(file))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(file.name, total=total)
        return await ingest(
            services.engine.database,
            services.engine.embedder,
            principal,
            load(file),
            on_progress=lambda report: progress.update(task, completed=report.seen),
        )


async def _advise(services: Services, principal: Principal, slug: str) -> None:
    from desk.storage import faqs, near_index

    database = services.engine.database
    async with database.tenant_tx(principal) as tx:
        vectors = await faqs.count_vectors(tx)
    if vectors >= near_index.WORTH_IT and not await database.has_near_index(principal.tenant_id):
        say(f"A search reads all {vectors} vectors of {slug}; `desk tenant index {slug}` makes it quick.")


def _tell(file: Path, report: IngestReport) -> None:
    for bad in report.bad:
        say(f"{file.name} line {bad.line}: skipped, {bad.why}")
    counts = f"{report.added} added, {report.changed} changed, {report.unchanged} unchanged"
    typer.echo(f"{file.name}: {counts}, {len(report.bad)} skipped")
