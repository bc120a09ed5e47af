"""Real stores for tests: one embedded Postgres and Redis a session, in a home of their own."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import migrations
from desk.embedded import Engines, engines
from desk.settings import Settings
from desk.storage.migrate import migrate


@pytest.fixture
def home() -> Iterator[Path]:
    """A new, empty DESK_HOME (pytest's own folder is closed to the engines' user)."""
    with temporary_home() as path:
        yield Path(path)


@pytest.fixture(scope="session")
def stores() -> Iterator[Engines]:
    """The session's engines, always embedded: an empty database `desk` with its two roles."""
    with temporary_home() as path, engines(embedded_settings(Path(path))) as found:
        yield found


@pytest.fixture(scope="module")
def own_stores() -> Iterator[Engines]:
    """Engines of this test module alone, migrated, which it may freeze, flush and kill."""
    with temporary_home() as path, engines(embedded_settings(Path(path))) as found:
        asyncio.run(migrate(found.migration_database_url, migrations.FOLDER, say=lambda _: None))
        yield found


def embedded_settings(home: Path) -> Settings:
    """Settings of `home` whose stores are embedded, whatever the environment says."""
    return Settings().model_copy(update={"home": home, "database_url": None, "redis_url": None})


def temporary_home() -> tempfile.TemporaryDirectory[str]:
    """A folder for a DESK_HOME that every user may enter; gone at the end of its context."""
    folder = tempfile.TemporaryDirectory(prefix="desk-home-")
    Path(folder.name).chmod(0o755)
    return folder
