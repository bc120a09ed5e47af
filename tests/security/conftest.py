"""The application of a test module, which ends with it: others' tests must not meet its workers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from desk.embedded import Engines
from desk.models.embeddings import MiniLM
from tests.plugins.stores import temporary_home
from tests.security.ground import Ground, open_ground, open_stores


@pytest.fixture(scope="module")
async def home() -> AsyncIterator[Path]:
    """A home for the module's applications."""
    with temporary_home() as path:
        yield Path(path)


@pytest.fixture(scope="session")
async def undisturbed() -> AsyncIterator[Engines]:
    """Stores on which no application of another test runs its jobs, which would tidy up what is planted."""
    async with open_stores() as (stores, _):
        yield stores


@pytest.fixture(scope="session")
def owner_url(undisturbed: Engines) -> str:
    """The login of their owner."""
    return undisturbed.migration_database_url


@pytest.fixture(scope="module")
async def ground(undisturbed: Engines, embedder: MiniLM, home: Path) -> AsyncIterator[Ground]:
    """The application as it is."""
    async with open_ground(undisturbed, home) as found:
        yield found
