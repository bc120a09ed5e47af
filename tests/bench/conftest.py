"""A stage on the session's stores."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.stage import Stage, stage_settings
from desk.embedded import Engines
from desk.models.embeddings import MiniLM
from tests.conftest import MODELS


@pytest.fixture
def stage(migrated: Engines, home: Path, embedder: MiniLM) -> Stage:
    """A stage that says nothing."""
    settings = stage_settings(home).model_copy(update={"models_dir": MODELS})
    return Stage(settings, migrated, lambda _: None)
