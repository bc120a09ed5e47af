"""doctor: what is set, from where, what is wrong, what is embedded."""

from __future__ import annotations

import asyncio

import typer
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from desk.cache.port import CacheAway
from desk.cache.redis import RedisHits
from desk.embedded import find_engines
from desk.errors import DeskError
from desk.mail.mailers import NoMailer, open_mailer
from desk.mail.smtp import SmtpMailer
from desk.settings import Settings, load_settings, unknown_variables, variable_of
from desk.storage.pool import refuse_silent
from desk.telemetry.logs import configure_logs
from server.preflight import find_faults, needed_database_url, refuse_unfit

app = typer.Typer()


@app.command()
def doctor() -> None:
    """Say how this desk is set up, what is wrong with it, and what production would want instead.

    It only looks, and changes nothing. Ends with 1 if `desk serve` would not start, or `desk run` where no
    DATABASE_URL is set.
    """
    settings = load_settings()
    configure_logs("error")
    out = Console(highlight=False)
    out.print(_table(settings))
    for name, near in unknown_variables().items():
        meant = f"; did you mean {near}?" if near else "; see docs/settings.md"
        out.print(f"{name} is set and is no setting{meant}", style="yellow", markup=False, soft_wrap=True)
    lines, faults = asyncio.run(_findings(settings))
    for line in (*lines, *_remarks(settings)):
        out.print(line, markup=False, soft_wrap=True)
    for fault in faults:
        out.print(f"wrong: {fault}", style="red", markup=False, soft_wrap=True)
    if faults:
        raise typer.Exit(1)


def _table(settings: Settings) -> Table:
    table = Table("setting", "value", "from")
    for name in Settings.model_fields:
        value = getattr(settings, name)
        shown = "(set, hidden)" if isinstance(value, SecretStr) else str(value)
        origin = "set" if name in settings.model_fields_set else "default"
        table.add_row(variable_of(name), "-" if value is None else shown, origin)
    return table


async def _findings(settings: Settings) -> tuple[list[str], list[str]]:
    """How it is set up, and what is wrong: a line each."""
    lines, faults = [f"data under {settings.home.absolute()}"], find_faults(settings)
    # At once: each may have to wait for something that does not answer.
    tells = (_database, _redis, _mail)
    told = await asyncio.gather(*(tell(settings) for tell in tells), return_exceptions=True)
    for one in told:
        if isinstance(one, DeskError):
            faults.append(one.detail)
        elif isinstance(one, BaseException):
            raise one
        else:
            lines.append(one)
    return lines, list(dict.fromkeys(faults))


async def _database(settings: Settings) -> str:
    """Where it is; raises what a start would."""
    if settings.environment == "production":
        needed_database_url(settings)
    found = find_engines(settings)
    if found is None:
        return "database: embedded, not running; `desk run` starts it"
    await refuse_silent(found.database_url)
    await refuse_unfit(settings, found.database_url)
    return f"database: {'DATABASE_URL' if settings.database_url else 'embedded, running'}, in today's shape"


async def _redis(settings: Settings) -> str:
    if settings.redis_url is not None:
        url, where = settings.redis_url.get_secret_value(), "REDIS_URL"
    elif settings.database_url is not None:
        return "redis: none, as REDIS_URL is not set; limits count in each process alone"
    elif (found := find_engines(settings)) and found.redis_url:
        url, where = found.redis_url, "embedded, running"
    else:
        return "redis: embedded, not running; `desk run` starts it"
    hits = RedisHits(url)
    try:
        await hits.ping()
    except CacheAway:
        return f"redis: {where} does not answer; limits count in each process alone"
    finally:
        await hits.close()
    return f"redis: {where}"


async def _mail(settings: Settings) -> str:
    return f"mail: {_way(settings)}; links in it lead to {settings.public_address}"


def _way(settings: Settings) -> str:
    match open_mailer(settings):
        case SmtpMailer():
            return "sent by DESK_SMTP_URL"
        case NoMailer():
            return "refused, as DESK_SMTP_URL is not set"
        case _:
            return f"files under {settings.home.absolute() / 'mail'}"


def _remarks(settings: Settings) -> list[str]:
    lines = []
    if settings.openai_api_key is None and settings.llama_model_path is None:
        lines.append("model: none; answers are canned replies and FAQ passages word for word")
    if settings.database_url is None:
        lines.append("production wants: DATABASE_URL of a Postgres with pgvector and backups")
    if settings.environment != "production":
        lines.append("production wants: DESK_ENVIRONMENT=production, DESK_MASTER_KEY, DESK_SIGNING_KEY_PATH")
        lines.append("production wants: DESK_PUBLIC_URL, and DESK_SMTP_URL and DESK_MAIL_FROM for mail")
    return lines
