"""Seeded bugs as data: what is changed where, and which tests must notice."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIST = Path(__file__).with_name("mutations.toml")


class DoesNotApply(Exception):
    """The text to be changed does not stand exactly once in its file, or the result does not compile."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One bug: its edits of one file as (old, new), and the tests of which one must fail."""

    name: str
    file: str
    edits: tuple[tuple[str, str], ...]
    tests: tuple[str, ...]


def read_mutations(file: Path = LIST) -> list[Mutation]:
    """The whole list."""
    entries = tomllib.loads(file.read_text())["mutation"]
    found = []
    for entry in entries:
        edits = [entry, *([entry["also"]] if "also" in entry else [])]
        pairs = tuple((edit["old"], edit["new"]) for edit in edits)
        found.append(Mutation(entry["name"], entry["file"], pairs, tuple(entry["tests"])))
    return found


def mutated(mutation: Mutation, text: str) -> str:
    """The file with the bug in it; raises DoesNotApply."""
    for old, new in mutation.edits:
        if text.count(old) != 1:
            raise DoesNotApply(f"{mutation.name}: {mutation.file} holds {text.count(old)} times {old[:80]!r}")
        text = text.replace(old, new)
    if mutation.file.endswith(".py"):
        try:
            compile(text, mutation.file, "exec")
        except SyntaxError as error:
            raise DoesNotApply(f"{mutation.name}: {mutation.file} does not compile: {error}") from error
    return text


@contextmanager
def applied(mutation: Mutation, tree: Path) -> Iterator[None]:
    """The bug in a tree that is nobody's checkout, for the life of the context."""
    assert tree.resolve() != ROOT.resolve(), "a checkout is never changed"
    file = tree / mutation.file
    sound = file.read_text()
    file.write_text(mutated(mutation, sound))
    try:
        yield
    finally:
        file.write_text(sound)
