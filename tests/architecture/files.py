"""The files that the shape tests look at."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("bench", "desk", "evals", "graphs", "migrations", "prompts", "server", "tools", "web")


def room_modules() -> list[Path]:
    """Every Python file of the rooms, tests left out."""
    return sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def project_files() -> list[Path]:
    """Every file that is, or would be, committed."""
    listing = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    command = ["git", "-c", "safe.directory=*", *listing]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted(path for name in set(listed.split("\0")) if name and (path := ROOT / name).is_file())
