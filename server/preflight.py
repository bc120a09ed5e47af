"""What must be right before anything is begun or changed; `desk doctor` tells all of it, a start refuses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import migrations
from desk.cache.redis import check_redis_address
from desk.errors import Misconfigured
from desk.settings import Settings, variable_of
from desk.storage.migrate import refuse_behind
from desk.storage.pool import Database, check_address
from desk.subjects.master_keys import check_master_key, check_set_master_key, refuse_unknown_key

Check = Callable[[Settings], object]


def needed_database_url(settings: Settings) -> str:
    """The application's login; raises Misconfigured when there is none."""
    if settings.database_url is None:
        raise Misconfigured("DATABASE_URL is not set; `desk run` starts embedded stores and the demo.")
    return settings.database_url.get_secret_value()


def _check_addresses(settings: Settings) -> None:
    for name in ("database_url", "migration_database_url", "jobs_database_url"):
        url = getattr(settings, name)
        if url is not None:
            check_address(url.get_secret_value(), variable_of(name))


def _check_redis(settings: Settings) -> None:
    if settings.redis_url is not None:
        check_redis_address(settings.redis_url.get_secret_value())


# What is heavy is imported where it is used: most commands ask only for the first of these.


def _check_embedder(settings: Settings) -> None:
    from desk.models.embeddings import check_minilm

    check_minilm(settings.models_path)


def _check_models(settings: Settings) -> None:
    from desk.models.providers import open_models

    open_models(settings)  # which connects nothing yet


def _check_issuer(settings: Settings) -> None:
    from server.issuer import check_issuer

    check_issuer(settings)


def _check_mailer(settings: Settings) -> None:
    from desk.mail.mailers import open_mailer

    open_mailer(settings)


# What a command asks for that works with the stores alone, one that works with the services, and a start.
FOR_STORES: Final[Sequence[Check]] = (_check_addresses, _check_redis, check_set_master_key)
FOR_SERVICES: Final[Sequence[Check]] = (
    _check_addresses,
    _check_redis,
    check_master_key,
    _check_embedder,
    _check_models,
)
FOR_SERVING: Final[Sequence[Check]] = (*FOR_SERVICES, _check_issuer, _check_mailer)


def find_faults(settings: Settings, checks: Sequence[Check] = FOR_SERVING) -> list[str]:
    """What is wrong with the settings: sentences that say what to do. Makes and connects nothing."""
    faults = []
    for check in checks:
        try:
            check(settings)
        except Misconfigured as error:
            faults.append(error.detail)
    return faults


def refuse_faults(settings: Settings, checks: Sequence[Check] = FOR_SERVING) -> None:
    """Raises Misconfigured that tells all that is wrong with the settings."""
    faults = find_faults(settings, checks)
    if faults:
        raise Misconfigured("\n".join(faults))


async def refuse_unfit(settings: Settings, url: str) -> None:
    """Raises Misconfigured when the database is away, unsafe, behind or of other master keys; only looks."""
    database = Database(url, size=2)
    await database.open()
    try:
        await refuse_behind(database, migrations.FOLDER)
        await refuse_unknown_key(settings, database)
    finally:
        await database.close()
