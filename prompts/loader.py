"""Loads versioned prompts from `<name>/<version>.md`: YAML front matter, then the text."""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from desk.domain import PromptRef
from desk.errors import InvalidInput, Misconfigured, NotFound
from prompts.changes import unified
from prompts.template import fill, take_in, variables_of
from prompts.yaml_file import parse_mapping

FOLDER = Path(__file__).parent
# What judges and simulated customers are told: no turn uses it, and no tenant writes it.
MEASURING = FOLDER / "measuring"

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_FRONT_MATTER = re.compile(r"---\n(?P<head>.*?\n)---\n+(?P<text>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Prompt:
    """One version of a prompt; `sha` is the SHA-256 of its text in hex."""

    name: str
    version: int
    sha: str
    variables: tuple[str, ...]
    notes: str
    text: str

    @property
    def ref(self) -> PromptRef:
        """What a reply says about the prompt it came from."""
        return PromptRef(self.name, self.version, self.sha)

    def render(self, **variables: str) -> str:
        """The text with its variables filled; raises InvalidInput on a missing or unknown one."""
        return fill(self.text, variables, where=f"Prompt {self.name} version {self.version}")


def load_prompt(name: str, version: int | None = None, *, folder: Path = FOLDER) -> Prompt:
    """The given version of a prompt, or the newest; raises NotFound or, for a broken file, Misconfigured."""
    versions = _versions(name, folder)
    chosen = versions[-1] if version is None and versions else version
    if chosen not in versions:
        wanted = f"version {version} of prompt {name!r}" if versions else f"prompt {name!r}"
        raise NotFound(f"There is no {wanted}; versions: {', '.join(map(str, versions)) or 'none'}.")
    return _read(name, chosen, folder)


def find_file(name: str, version: int, *, folder: Path = FOLDER) -> Prompt | None:
    """The version that comes as a file; None when there is none. Raises Misconfigured for a broken one."""
    return _read(name, version, folder) if version in _versions(name, folder) else None


def newest_seen(name: str, *, folder: Path = FOLDER) -> Prompt:
    """As `load_prompt`, for a turn: what the folder held within the last half second.

    Looking at the folder each time would cost a turn more than all else about prompts.
    """
    return _newest_at(name, folder, _half_seconds())


def file_seen(name: str, version: int, *, folder: Path = FOLDER) -> Prompt | None:
    """As `find_file`, for a turn: what the folder held within the last half second."""
    return _file_at(name, version, folder, _half_seconds())


def _half_seconds() -> int:
    return int(time.monotonic() * 2)


@lru_cache(maxsize=64)
def _newest_at(name: str, folder: Path, _moment: int) -> Prompt:
    return load_prompt(name, folder=folder)


@lru_cache(maxsize=256)
def _file_at(name: str, version: int, folder: Path, _moment: int) -> Prompt | None:
    return find_file(name, version, folder=folder)


def list_prompts(*, folder: Path = FOLDER) -> tuple[Prompt, ...]:
    """Every version of every prompt, by name and version."""
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    return tuple(_read(name, version, folder) for name in names for version in _versions(name, folder))


def diff_prompts(name: str, a: int, b: int, *, folder: Path = FOLDER) -> str:
    """What changed in the text from version `a` to version `b`, as a unified diff; empty when equal."""
    return diff_of(load_prompt(name, a, folder=folder), load_prompt(name, b, folder=folder))


def diff_of(old: Prompt, new: Prompt) -> str:
    """What changed in the text from one version to another, as a unified diff; empty when equal."""
    return unified(old.text, new.text, (f"{old.name}/{old.version}.md", f"{new.name}/{new.version}.md"))


def _versions(name: str, folder: Path) -> tuple[int, ...]:
    try:
        changed = (folder / name).stat().st_mtime_ns if _NAME.fullmatch(name) else None
    except FileNotFoundError:
        changed = None
    return () if changed is None else _versions_since(name, folder, changed)


@lru_cache(maxsize=256)
def _versions_since(name: str, folder: Path, _changed: int) -> tuple[int, ...]:
    """The versions in a folder, read again when it has changed."""
    return tuple(sorted(int(path.stem) for path in (folder / name).glob("*.md") if path.stem.isdecimal()))


@lru_cache(maxsize=256)
def _read(name: str, version: int, folder: Path) -> Prompt:
    where = f"{name}/{version}.md"
    head, source = _parts(where, folder)
    try:
        text = take_in(source, lambda part, of: source_of(part, of, folder=folder), where=where)
    except InvalidInput as error:
        raise Misconfigured(error.detail) from error
    variables = _checked_variables(head, text, version, where)
    sha = hashlib.sha256(text.encode()).hexdigest()
    return Prompt(name, version, sha, variables, str(head["notes"]).strip(), text)


def source_of(name: str, version: int, *, folder: Path = FOLDER) -> str | None:
    """The text of a file as it is written there; None when there is no such version."""
    return _parts(f"{name}/{version}.md", folder)[1] if version in _versions(name, folder) else None


def _parts(where: str, folder: Path) -> tuple[dict[str, Any], str]:
    """Front matter, and the text as it is written."""
    parts = _FRONT_MATTER.fullmatch((folder / where).read_text(encoding="utf-8"))
    if parts is None:
        raise Misconfigured(f"{where} must begin with front matter between two lines of ---.")
    return parse_mapping(parts["head"], where=where), parts["text"].strip()


def _checked_variables(head: dict[str, Any], text: str, version: int, where: str) -> tuple[str, ...]:
    if head.keys() != {"version", "variables", "notes"}:
        raise Misconfigured(f"{where}: the front matter has exactly version, variables and notes.")
    if head["version"] != version:
        raise Misconfigured(f"{where}: the front matter says version {head['version']}.")
    declared, used = tuple(head["variables"] or ()), variables_of(text)
    if set(declared) != used:
        odd = ", ".join(sorted(str(name) for name in used ^ set(declared)))
        raise Misconfigured(f"{where}: declared and used variables differ in: {odd}.")
    return declared
