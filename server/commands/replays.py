"""replay: recorded turns run again with another prompt or bundle, and what would have changed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer
from rich.console import Console

from desk.domain import Principal
from server.commands.opening import save, say, tenant_of, with_services

if TYPE_CHECKING:
    from evals.replays import ReplayReport
    from graphs.services import Services

app = typer.Typer()

_WIDE = 160

Day = Annotated[datetime, typer.Option(help="Turns from this day or moment on, in UTC.")]
Written = Annotated[Path | None, typer.Option(dir_okay=False)]


@app.command("replay")
def replay(
    tenant: Annotated[str, typer.Option(help="The tenant's slug.")],
    since: Day,
    candidate: Annotated[
        str,
        typer.Option(
            help="same, a bundle, support@VERSION, intents@VERSION, a label, or a file with a prompt's text."
        ),
    ] = "same",
    limit: Annotated[int, typer.Option(min=1, help="The newest so many turns.")] = 1000,
    ask_model: Annotated[  # noqa: FBT002 - how typer declares a flag
        bool, typer.Option("--ask-model", help="Ask the model where it would be asked something else.")
    ] = False,
    html: Written = None,
    markdown: Written = None,
    json: Written = None,
) -> None:
    """Run recorded turns again with what their tools said; nothing acts, and no conversation changes.

    The table goes to stdout; texts in reports hold pseudonyms. The audit notes the run.
    """

    async def run(services: Services) -> ReplayReport:
        from evals.candidates import find_candidate
        from evals.replay_runs import Wanted, replay_turns

        known = await tenant_of(services, tenant)
        wanted = Wanted(since if since.tzinfo else since.replace(tzinfo=UTC), limit, ask_model)
        found = await find_candidate(services, known, candidate)
        worker = Principal(known.id, "worker")
        return await replay_turns(services, worker, known, found, wanted)

    _write(with_services(run), html, markdown, json)


def _write(report: ReplayReport, html: Path | None, markdown: Path | None, json: Path | None) -> None:
    from evals.replay_pages import to_html, to_markdown
    from evals.replay_tables import groups_table, summary_table

    out = Console()
    out = out if out.is_terminal else Console(width=_WIDE)
    out.print(summary_table(report))
    out.print(groups_table(report))
    for note in report.notes:
        say(note)
    if html is not None:
        save(html, to_html(report))
    if markdown is not None:
        save(markdown, to_markdown(report))
    if json is not None:
        save(json, orjson.dumps(report.figures(), option=orjson.OPT_INDENT_2))
