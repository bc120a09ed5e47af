"""Drafts: a text as the next version of a prompt, checked, rendered for a look, and written as a file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import yaml

from desk.errors import InvalidInput, NotFound
from prompts.choice import LONGEST
from prompts.loader import Prompt, load_prompt
from prompts.own_intents import INTENTS
from prompts.template import fill, take_in, variables_of

# What the variables may look like in a turn, for a look at a prompt.
SAMPLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "shop_name": "Marginalia Books",
        "language": "English",
        "summary": "The customer asked about a parcel.",
        "passages": "[shipping] How long does shipping take?\nStandard shipping takes 5-7 business days.",
    }
)

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Draft:
    """A text as written, as it is sent with what it takes in, and the SHA-256 of the latter in hex."""

    name: str
    source: str
    text: str
    variables: tuple[str, ...]
    sha: str


def draft(name: str, source: str, find: Callable[[str, int], str | None]) -> Draft:
    """The text as a version of this prompt; `find` gives the sources of what it takes in.

    It may use the variables that the newest file of this name has, and need not use all of them; a name
    without a file is for texts that others take in. Raises InvalidInput.
    """
    source = source.strip()
    if not _NAME.fullmatch(name):
        raise InvalidInput("A prompt's name is lower_case.")
    if not source or len(source) > LONGEST:
        raise InvalidInput(f"A prompt has 1 to {LONGEST} characters.")
    text = take_in(source, find, where=f"Prompt {name}")
    used = variables_of(text)
    known = _known_variables(name)
    unknown = sorted(used - known) if known is not None else []
    if unknown:
        there_are = ", ".join(sorted(known or ()))
        raise InvalidInput(f"Prompt {name} has no variable {', '.join(unknown)}; there are {there_are}.")
    return Draft(name, source, text, tuple(sorted(used)), hashlib.sha256(text.encode()).hexdigest())


def preview(prompt: Prompt | Draft, values: Mapping[str, str]) -> str:
    """The text with these values in it, and samples for the others."""
    shown = {name: values.get(name, SAMPLES.get(name, f"[{name}]")) for name in prompt.variables}
    unknown = sorted(values.keys() - set(prompt.variables))
    if unknown:
        raise InvalidInput(f"The prompt {prompt.name} has no variable named: {', '.join(unknown)}.")
    return fill(prompt.text, shown, where=f"Prompt {prompt.name}")


def write_file(prompt: Prompt, folder: Path) -> Path:
    """Write a version as the next file of its name, with all that it takes in, and give the file's path."""
    if prompt.name == INTENTS:
        return _write_pack(prompt, folder / INTENTS)
    there = folder / prompt.name
    there.mkdir(parents=True, exist_ok=True)
    numbers = [int(path.stem) for path in there.glob("*.md") if path.stem.isdecimal()]
    number = 1 + max(numbers, default=0)
    head = {"version": number, "variables": list(prompt.variables), "notes": prompt.notes or "-"}
    written = yaml.safe_dump(head, sort_keys=False, allow_unicode=True)
    path = there / f"{number}.md"
    path.write_text(f"---\n{written}---\n{prompt.text}\n", encoding="utf-8")
    return path


def _write_pack(prompt: Prompt, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"own_{prompt.version}.yaml"
    if path.exists() and path.read_text(encoding="utf-8") != prompt.text:
        raise InvalidInput(f"{path} exists and says something else; move it away first.")
    path.write_text(prompt.text, encoding="utf-8")
    return path


def _known_variables(name: str) -> frozenset[str] | None:
    try:
        return frozenset(load_prompt(name).variables)
    except NotFound:
        return None
