"""The application of a test module, which ends with it: others' tests must not meet its workers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from desk.embedded import Engines
from desk.models.embeddings import MiniLM
from tests.plugins.stores import temporary_home
from tests.security.ground import Ground, open_ground


@pytest.fixture(scope="module")
async def home() -> AsyncIterator[Path]:
    """A home for the module's applications."""
    with temporary_home() as path:
        yield Path(path)


@pytest.fixture(scope="module")
async def ground(migrated: Engines, embedder: MiniLM, home: Path) -> AsyncIterator[Ground]:
    """The application as it is."""
    async with open_ground(migrated, home) as found:
        yield found
