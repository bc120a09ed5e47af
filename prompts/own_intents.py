"""A tenant's own intents: a version among its prompts whose text is an intent pack."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any, Final

import yaml

from desk.errors import InvalidInput, Misconfigured
from prompts.intents import IntentPack, parse_intents, read_intents
from prompts.loader import Prompt

INTENTS: Final = "intents"
# The file that the tenant's settings name stands among its versions as the first.
FILE_VERSION: Final = 1
LONGEST: Final = 120_000
# What the router learns from grows with their square, and learning with their cube: 6,000 take 0.7 GB.
MOST_EXAMPLES: Final = 2_000
# A pack has five levels. The parser goes down by itself for each, and many thousands would end the process.
DEEPEST: Final = 20

_EVENTS: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def file_version(pack: str) -> Prompt:
    """The pack that comes as a file, as the version that a tenant begins with; raises Misconfigured."""
    text = read_intents(pack)
    return Prompt(INTENTS, FILE_VERSION, _sha(text), (), f"the file {pack}.yaml", text)


def own_version(version: int, text: str) -> Prompt:
    """A text as a version; raises InvalidInput that says which entry is wrong and why. Takes milliseconds."""
    text = text.strip() + "\n"
    if len(text) > LONGEST:
        raise InvalidInput(f"Intents have at most {LONGEST} characters.")
    try:
        _refuse_growth(text)
        pack = parse_intents(INTENTS, text, where=INTENTS)
    except Misconfigured as error:
        raise InvalidInput(error.detail) from error
    if sum(len(intent.examples) for intent in pack.intents) + len(pack.out_of_scope) > MOST_EXAMPLES:
        raise InvalidInput(f"Intents have at most {MOST_EXAMPLES} examples, with those out of scope.")
    return Prompt(INTENTS, version, _sha(text), (), "", text)


@lru_cache(maxsize=64)
def pack_of(prompt: Prompt) -> IntentPack:
    """The intents that a version describes."""
    return parse_intents(f"own_{prompt.sha[:12]}", prompt.text, where=INTENTS)


def _refuse_growth(text: str) -> None:
    """Refuse what a pack needs none of: references, which grow without bound, and lists in lists in lists."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_EVENTS):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent):
                raise InvalidInput("Intents may not refer to other entries (*name); write them out.")
            if depth > DEEPEST:
                raise InvalidInput(f"Intents have at most {DEEPEST} levels of lists and mappings.")
    except yaml.YAMLError as error:
        raise InvalidInput(f"Intents are not valid YAML: {error}") from error


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
