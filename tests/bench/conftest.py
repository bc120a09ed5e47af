"""A stage on the session's stores."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.stage import Stage, stage_settings
from desk.embedded import Engines
from desk.models.embeddings import MiniLM
from tests.conftest import MODELS, keep_master_key


@pytest.fixture
def own_stage(own_stores: Engines, home: Path, embedder: MiniLM) -> Stage:
    """The same on stores of the module alone, for what changes the database's shape."""
    return _stage(own_stores, home)


@pytest.fixture
def stage(migrated: Engines, home: Path, embedder: MiniLM) -> Stage:
    """A stage that says nothing."""
    return _stage(migrated, home)


def _stage(stores: Engines, home: Path) -> Stage:
    keep_master_key(home)
    settings = stage_settings(home).model_copy(update={"models_dir": MODELS})
    return Stage(settings, stores, lambda _: None)
