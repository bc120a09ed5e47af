"""Postgres and Redis of this home: the configured ones, a running owner's, or children of this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from desk.embedded import children, folders, owner
from desk.embedded import postgres as pg
from desk.embedded import redis as rd
from desk.embedded.kept import Kept
from desk.errors import Misconfigured
from desk.settings import Settings

__all__ = ["Engines", "engines", "find_engines", "refuse_second"]


@dataclass(frozen=True, slots=True)
class Engines:
    """Where the stores are. `owned` is true if this process runs at least one of them itself.

    `database_url` logs in as the app's role, `migration_database_url` as the owner of the tables. `servers`
    are the stores that this process runs: whoever stays here starts them again when they end.
    """

    database_url: str
    migration_database_url: str
    redis_url: str | None
    owned: bool
    servers: tuple[Kept, ...] = ()


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"{line}\n")


@contextmanager
def engines(
    settings: Settings, *, say: Callable[[str], None] = _to_stderr, resident: bool = False
) -> Iterator[Engines]:
    """Both stores for the life of the context; what no URL names is embedded and stopped at the end.

    Who ends first waits for the others that use them, so that none loses its stores half-way. A `resident`
    does not wait, as it stays until somebody stops it, and stands on nobody else's: it is refused instead.
    Call it from the main thread, before the event loop runs. Raises Misconfigured, which says what to do,
    if an embedded engine cannot run here.
    """
    database, redis = _configured(settings)
    if database is not None and redis is not None:
        yield Engines(*database, redis, owned=False)
        return
    if resident:
        refuse_second(settings)
    found = owner.take_or_find(folders.run_folder(settings.home))
    if isinstance(found, owner.Guest):
        try:
            if resident:
                raise _second(found.host, settings)
            say(f"Using the engines of the Deskgraph that runs already (process {found.host.owner_pid}).")
            yield _joined(found.host, database, redis, settings.home)
        finally:
            os.close(found.lock)
        return
    try:
        with _started(found, settings, say, wait=not resident) as ours:
            yield ours
    finally:
        os.close(found)


def find_engines(settings: Settings) -> Engines | None:
    """Where the stores are now, None while the embedded database does not run; starts and makes nothing.

    Raises Misconfigured when the settings do not fit those that run.
    """
    database, redis = _configured(settings)
    running = owner.find(folders.run_path(settings.home))
    if running is not None:
        return _joined(running, database, redis, settings.home)
    return Engines(*database, redis, owned=False) if database else None


def refuse_second(settings: Settings) -> None:
    """Raise Misconfigured if a Deskgraph already runs on the embedded engines of this home."""
    host = None if all(_configured(settings)) else owner.find(folders.run_folder(settings.home))
    if host is not None:
        raise _second(host, settings)


def _second(host: owner.Record, settings: Settings) -> Misconfigured:
    return Misconfigured(
        f"A Deskgraph already runs on {settings.home} (process {host.owner_pid}). Use that one, or stop it"
        f" first; a second one needs a home and a port of its own:"
        f" `DESK_HOME={settings.home}-2 DESK_PORT={settings.port + 1} make run`."
    )


def _configured(settings: Settings) -> tuple[tuple[str, str] | None, str | None]:
    redis = settings.redis_url.get_secret_value() if settings.redis_url else None
    if not settings.database_url:  # an empty variable is an unset one
        return None, redis
    app = settings.database_url.get_secret_value()
    migrations = settings.migration_database_url
    return (app, migrations.get_secret_value() if migrations else app), redis


def _joined(found: owner.Record, database: tuple[str, str] | None, redis: str | None, home: Path) -> Engines:
    if database is None:
        if found.database_urls is None:
            raise Misconfigured(
                f"Process {found.owner_pid} runs on {home} with a DATABASE_URL of its own; "
                "set the same one here, or another DESK_HOME."
            )
        database = found.database_urls
    return Engines(*database, redis or found.redis_url, owned=False)


@contextmanager
def _started(lock: int, settings: Settings, say: Callable[[str], None], *, wait: bool) -> Iterator[Engines]:
    children.require_support()
    database, redis = _configured(settings)
    place = folders.prepare(settings.home)
    embedded_database = embedded_redis = None
    servers: list[Kept] = []
    with ExitStack() as stack:
        if redis is None and (server := stack.enter_context(rd.redis(place, keep=lock, say=say))):
            servers.append(server)
            redis = embedded_redis = rd.url(place.sockets)
        if database is None:
            servers.append(stack.enter_context(pg.postgres(place, keep=lock, say=say)))
            database = embedded_database = (pg.url(place.sockets, pg.APP), pg.url(place.sockets, pg.OWNER))
        record = owner.Record(os.getpid(), embedded_database, embedded_redis)
        stack.enter_context(owner.published(place.run, record, wait=say if wait else None))
        yield Engines(*database, redis, owned=True, servers=tuple(servers))
