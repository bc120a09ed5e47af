"""chat: talk to the desk in the terminal, with the steps shown."""

from __future__ import annotations

from typing import Annotated

import typer

from server.commands.opening import with_services

app = typer.Typer()


@app.command("chat")
def talk(
    tenant: Annotated[str, typer.Option(help="The tenant's slug.")] = "bookshop",
    user: Annotated[str, typer.Option(help="The customer's e-mail address.")] = "ada@example.com",
    message: Annotated[str | None, typer.Option("--message", "-m", help="Send this and end.")] = None,
) -> None:
    """Talk as a customer; an empty line or Ctrl-D ends."""
    from server.terminal import converse

    with_services(lambda services: converse(services, tenant, user, message))
