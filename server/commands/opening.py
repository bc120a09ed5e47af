"""How a command gets at the stores: embedded or configured, migrated, with the services opened around it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from rich.console import Console

import migrations
from desk.embedded import Engines, engines
from desk.errors import InvalidInput
from desk.settings import Settings, load_settings
from desk.storage import tenants
from desk.storage.migrate import migrate
from desk.telemetry.logs import configure_logs
from server.preflight import FOR_SERVICES, FOR_STORES, Check, refuse_faults

if TYPE_CHECKING:  # importing the graph takes seconds, which `desk token` need not wait for
    from desk.domain import Tenant
    from graphs.services import Services

Result = TypeVar("Result")

console = Console(stderr=True)


def say(line: str, style: str | None = None) -> None:
    """Tell the person at the terminal; stdout stays free for results, and NO_COLOR is heeded."""
    console.print(line, style=style, highlight=False, markup=False, emoji=False, soft_wrap=True)


def save(path: Path, report: str | bytes) -> None:
    """Write a report where somebody wants it; the folder is made if need be. Raises InvalidInput."""
    with saved(path) as file:
        file.write(report.encode() if isinstance(report, str) else report)


@contextmanager
def saved(path: Path) -> Iterator[BinaryIO]:
    """A file to write a report into, which has its name only when it is whole. Raises InvalidInput."""
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            try:
                yield file
            except BaseException:
                part.unlink()
                raise
        part.replace(path)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written ({error.strerror}); name another file.") from error


def with_stores(
    work: Callable[[Settings, Engines], Awaitable[Result]], *, checks: Sequence[Check] = FOR_STORES
) -> Result:
    """Run `work` with migrated stores, once the settings that `checks` look at are right."""
    settings = load_settings()
    refuse_faults(settings, checks)
    configure_logs("warning" if settings.log_level == "info" else settings.log_level)
    with engines(settings, say=say) as found:

        async def run() -> Result:
            await migrate(found.migration_database_url, migrations.FOLDER, say=say)
            return await work(settings, found)

        return asyncio.run(run())


def with_services(work: Callable[[Services], Awaitable[Result]]) -> Result:
    """Run `work` with everything a turn stands on."""
    from graphs.registry import open_services

    async def run(settings: Settings, found: Engines) -> Result:
        async with open_services(settings, found.database_url, on_degraded=_tell_degraded) as services:
            return await work(services)

    return with_stores(run, checks=FOR_SERVICES)


async def tenant_of(services: Services, slug: str) -> Tenant:
    """The tenant, with its place known to the services; raises InvalidInput when there is none."""
    async with services.engine.database.control_tx() as tx:
        found = await tenants.by_slug(tx, slug)
    if found is None:
        raise InvalidInput(f"There is no tenant {slug!r}; `desk tenant list` shows them.")
    services.engine.database.place(found.id, found.placement)
    return found


def _tell_degraded(what: str, instead: str) -> None:
    say(f"degraded: {what}; instead: {instead}", "yellow")
