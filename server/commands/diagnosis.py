"""doctor: what is set, from where, what is missing, what is embedded."""

from __future__ import annotations

import typer
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from desk.embedded import Engines
from desk.errors import DeskError
from desk.mail.mailers import NoMailer, open_mailer
from desk.mail.smtp import SmtpMailer
from desk.settings import Settings, load_settings, unknown_variables, variable_of
from server.commands.opening import with_stores

app = typer.Typer()


@app.command()
def doctor() -> None:
    """Say how this desk is set up and what production would want instead."""
    settings = load_settings()
    out = Console(highlight=False)
    out.print(_table(settings))
    for name in unknown_variables():
        out.print(f"{name} is set and is no setting; see docs/settings.md", style="yellow", markup=False)
    try:
        for line in with_stores(_findings):
            out.print(line, markup=False)
    except DeskError as error:
        out.print(f"[red]stores: {error.detail}[/red]")
        raise


def _table(settings: Settings) -> Table:
    table = Table("setting", "value", "from")
    for name in Settings.model_fields:
        value = getattr(settings, name)
        shown = "(set, hidden)" if isinstance(value, SecretStr) else str(value)
        origin = "set" if name in settings.model_fields_set else "default"
        table.add_row(variable_of(name), "-" if value is None else shown, origin)
    return table


async def _findings(settings: Settings, found: Engines) -> list[str]:
    database = "embedded" if settings.database_url is None else "DATABASE_URL"
    redis = "embedded" if settings.redis_url is None else "REDIS_URL"
    lines = [
        f"database: {database}; data under {settings.home.absolute()}",
        f"redis: {redis if found.redis_url else 'none: limits count in each process alone'}",
        f"embedding model {'in' if settings.models_path.exists() else 'missing from'} {settings.models_path}",
    ]
    if settings.openai_api_key is None and settings.llama_model_path is None:
        lines.append("model: none; answers are canned replies and FAQ passages word for word")
    lines.append(f"mail: {_mail(settings)}; links in it lead to {settings.public_address}")
    if database == "embedded":
        lines.append("production wants: DATABASE_URL of a Postgres with pgvector and backups")
    if settings.environment != "production":
        lines.append("production wants: DESK_ENVIRONMENT=production, DESK_MASTER_KEY, DESK_SIGNING_KEY_PATH")
        lines.append("production wants: DESK_PUBLIC_URL, and DESK_SMTP_URL and DESK_MAIL_FROM for mail")
    return lines


def _mail(settings: Settings) -> str:
    match open_mailer(settings):
        case SmtpMailer():
            return "sent by DESK_SMTP_URL"
        case NoMailer():
            return "refused, as DESK_SMTP_URL is not set"
        case _:
            return f"files under {settings.home.absolute() / 'mail'}"
