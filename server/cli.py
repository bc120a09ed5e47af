"""The `desk` command: every subcommand comes from `server/commands/`."""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from typing import Annotated

import typer

import server.beginning  # noqa: F401
from desk.errors import DeskError
from server.commands import (
    accounts,
    audit,
    diagnosis,
    documents,
    jobs,
    keys,
    knowledge,
    master_keys,
    mcp,
    members,
    privacy,
    processes,
    prompts,
    quality,
    replays,
    sites,
    speed,
    talk,
    tenants,
    turns,
)
from server.commands.opening import say

ENDS = (
    "Ends with 0 when it is done; with 1 when it refuses, and says why on stderr, or when what it checks does"
    " not hold; with 2 when it was called wrongly; `desk serve` with 3 when it fails while it starts;"
    " with 130 when Ctrl-C broke it off, but for processes, which then end with 0."
)

app = typer.Typer(
    name="desk",
    epilog=ENDS,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for group in (
    processes,
    accounts,
    members,
    keys,
    sites,
    talk,
    knowledge,
    prompts,
    quality,
    replays,
    speed,
    tenants,
    mcp,
    turns,
    jobs,
    privacy,
    audit,
    master_keys,
    diagnosis,
    documents,
):
    app.registered_commands += group.app.registered_commands
    app.registered_groups += group.app.registered_groups


def _tell_version(wanted: bool) -> None:  # noqa: FBT001 - how typer calls it
    if wanted:
        typer.echo(version_of("deskgraph"))
        raise typer.Exit


@app.callback()
def desk(
    version: Annotated[  # noqa: FBT002 - `_tell_version` has used it by now
        bool, typer.Option("--version", is_eager=True, callback=_tell_version, help="Print the version.")
    ] = False,
) -> None:
    """Customer-support chat on a LangGraph state graph."""


def main() -> None:
    """Run a command; an error of ours is a sentence, not a traceback."""
    try:
        app()
    except DeskError as error:
        say(f"desk: {error.detail}", "red")
        sys.exit(1)


if __name__ == "__main__":
    main()
