"""The `desk` command: every subcommand comes from `server/commands/`."""

from __future__ import annotations

import sys

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

app = typer.Typer(
    name="desk",
    help="Customer-support chat on a LangGraph state graph.",
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


def main() -> None:
    """Run a command; an error of ours is a sentence, not a traceback."""
    try:
        app()
    except DeskError as error:
        typer.secho(f"desk: {error.detail}", fg="red", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
