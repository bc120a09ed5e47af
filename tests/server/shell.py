"""The `desk` command as a shell runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from desk.embedded import Engines
from tests.conftest import MASTER_KEY, MODELS


def environment_of(home: str, stores: Engines) -> dict[str, str]:
    """The variables of a home of its own on these stores."""
    return os.environ | {
        "DESK_HOME": home,
        "DESK_MASTER_KEY": MASTER_KEY,
        "DESK_MODELS_DIR": str(MODELS),
        "DATABASE_URL": stores.database_url,
        "DESK_MIGRATION_DATABASE_URL": stores.migration_database_url,
        "REDIS_URL": stores.redis_url or "",
    }


def desk(environment: dict[str, str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `desk` to its end."""
    command = [sys.executable, "-m", "server.cli", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
