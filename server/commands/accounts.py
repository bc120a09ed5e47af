"""token: what a person comes in with."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from desk.errors import InvalidInput
from desk.settings import load_settings

app = typer.Typer()

TenantOption = Annotated[str, typer.Option("--tenant", help="The tenant's slug.")]


@app.command()
def token(
    tenant: TenantOption,
    user: Annotated[str, typer.Option("--user", help="The person's e-mail address.")],
    role: Annotated[Literal["user", "agent", "admin", "platform"], typer.Option("--role")] = "user",
) -> None:
    """Print a signed access token of the built-in issuer, and nothing else."""
    from server.issuer import load_issuer

    settings = load_settings()
    if "@" not in user:
        raise InvalidInput("--user takes an e-mail address, for example ada@example.com.")
    seconds = settings.access_token_expire_minutes * 60
    typer.echo(load_issuer(settings).sign(tenant=tenant, email=user, role=role, seconds=seconds))
