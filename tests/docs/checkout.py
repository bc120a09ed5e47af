"""A copy of the project in which a how-to is followed, and programs that run in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

from tests.architecture.files import ROOT, project_files

_LEFT_OUT = {".lock", ".gz"}


@dataclass(frozen=True, slots=True)
class Checkout:
    """Files under `root`, changed as a reader of CONTRIBUTING.md would."""

    root: Path

    @classmethod
    def copy(cls, root: Path) -> Self:
        """The project as it is, in another folder."""
        for file in project_files():
            if file.suffix not in _LEFT_OUT:
                target = root / file.relative_to(ROOT)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
        return cls(root)

    def write(self, path: str, text: str) -> None:
        """A new file; it must not be there yet."""
        target = self.root / path
        assert not target.exists(), path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def add_after(self, path: str, place: str, text: str) -> None:
        """Put `text` behind the first `place`, which must be there."""
        file = self.root / path
        before, found, after = file.read_text(encoding="utf-8").partition(place)
        assert found, f"{path} has no {place!r}"
        file.write_text(before + place + text + after, encoding="utf-8")

    def read_yaml(self, path: str) -> Any:
        """The content of a YAML file."""
        return yaml.safe_load((self.root / path).read_text(encoding="utf-8"))

    def write_yaml(self, path: str, content: Any) -> None:
        """Write a YAML file anew."""
        text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
        (self.root / path).write_text(text, encoding="utf-8")

    def python(self, *arguments: str, **environment: str) -> str:
        """What Python says in the copy; fails with its errors if it fails."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env=os.environ | {"PYTHONPATH": str(self.root), "PYTHONDONTWRITEBYTECODE": "1"} | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    def tests(self, *paths: str) -> str:
        """What pytest says of these tests of the copy; they must pass, and need no fixture of ours."""
        return self.python("-m", "pytest", "--quiet", "--noconftest", *paths)

    def stale_page(self, name: str) -> str:
        """A generated page as the copy's code would have it; it must not be what lies there."""
        made = self.python(
            "-c", f"from server.documentation.generated import PAGES; print(PAGES['{name}'](), end='')"
        )
        assert made != (self.root / "docs" / name).read_text(encoding="utf-8")
        return made
