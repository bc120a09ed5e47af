"""Reads intent packs, such as `intents/<pack>.yaml`: how people ask, where it goes, what is said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeGuard, get_args

from desk.errors import Misconfigured
from prompts.replies import DEFAULT_LANGUAGE, LANGUAGES, spoken_language
from prompts.yaml_file import parse_mapping

IntentRoute = Literal["canned", "order", "product", "faq", "handoff", "action"]

FOLDER = Path(__file__).parent / "intents"
# What a tenant says before it has intents of its own: nothing that only another shop could promise.
NEW_PACK = "general"

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_KEYS = frozenset({"name", "route", "tool", "reply", "suggestions", "examples"})


@dataclass(frozen=True, slots=True)
class Intent:
    """Something people want; `reply` and `suggestions` are by language, and English is always among them.

    One of route `action` names the `tool` that does it once the customer has confirmed.
    """

    name: str
    route: IntentRoute
    examples: tuple[str, ...]
    reply: Mapping[str, str]
    suggestions: Mapping[str, tuple[str, ...]]
    tool: str | None = None

    def reply_in(self, language: str) -> tuple[str, str]:
        """The canned reply and the language it is in: the one asked for if there is one, else English.

        Raises KeyError for an intent without replies; one of route `canned` always has them.
        """
        found = self._language(language)
        return self.reply[found], found

    def suggestions_in(self, language: str) -> tuple[str, ...]:
        """What the customer may tap, in the language that the reply comes out in."""
        return self.suggestions.get(self._language(language), ())

    def _language(self, language: str) -> str:
        spoken = spoken_language(language)
        return spoken if spoken in self.reply else DEFAULT_LANGUAGE


@dataclass(frozen=True, slots=True)
class IntentPack:
    """A tenant's intents, and messages that belong to none of them."""

    name: str
    intents: tuple[Intent, ...]
    out_of_scope: tuple[str, ...]

    def find(self, name: str) -> Intent | None:
        """The intent of that name."""
        return next((intent for intent in self.intents if intent.name == name), None)


@lru_cache(maxsize=64)
def load_intents(pack: str, *, folder: Path = FOLDER) -> IntentPack:
    """The pack of that name; raises Misconfigured that says which entry is wrong and why."""
    return parse_intents(pack, read_intents(pack, folder=folder), where=f"{pack}.yaml")


def read_intents(pack: str, *, folder: Path = FOLDER) -> str:
    """The text of the pack of that name; raises Misconfigured when there is none."""
    path = folder / f"{pack}.yaml"
    if not _NAME.fullmatch(pack) or not path.is_file():
        raise Misconfigured(f"There is no intent pack {pack!r}; make prompts/intents/{pack}.yaml.")
    return path.read_text(encoding="utf-8")


def parse_intents(pack: str, text: str, *, where: str) -> IntentPack:
    """The pack that a YAML text describes; raises Misconfigured that says `where` and what is wrong."""
    content = parse_mapping(text, where=where)
    if content.keys() != {"intents", "out_of_scope"} or not isinstance(content["intents"], list):
        raise Misconfigured(f"{where} must have exactly intents (a list) and out_of_scope.")
    intents = tuple(_parse_intent(entry, where) for entry in content["intents"])
    out_of_scope = _texts(content["out_of_scope"], f"{where}: out_of_scope")
    _refuse_duplicates([intent.name for intent in intents], f"{where}: intent")
    said = [example for intent in intents for example in intent.examples]
    _refuse_duplicates([*said, *out_of_scope], f"{where}: example")
    return IntentPack(pack, intents, out_of_scope)


def _parse_intent(entry: Any, file: str) -> Intent:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise Misconfigured(f"{file}: every intent needs a name.")
    name, where = entry["name"], f"{file}: {entry['name']}"
    if not _NAME.fullmatch(name) or not entry.keys() <= _KEYS:
        raise Misconfigured(f"{where}: names are lower_case, keys are {', '.join(sorted(_KEYS))}.")
    route = entry.get("route")
    if not _is_route(route):
        raise Misconfigured(f"{where}: unknown route {route!r}; use {', '.join(get_args(IntentRoute))}.")
    reply = _by_language(entry.get("reply", {}), f"{where}: reply")
    if route == "canned" and not reply:
        raise Misconfigured(f"{where}: a canned intent needs a reply.")
    tool = entry.get("tool")
    if (route == "action") != isinstance(tool, str):
        raise Misconfigured(f"{where}: an intent of route action names its tool, and no other does.")
    if not all(isinstance(text, str) and text for text in reply.values()):
        raise Misconfigured(f"{where}: every reply must be a text.")
    taps = _by_language(entry.get("suggestions", {}), f"{where}: suggestions")
    suggestions = {language: _texts(texts, f"{where}: suggestions") for language, texts in taps.items()}
    examples = _texts(entry.get("examples"), f"{where}: examples")
    return Intent(name, route, examples, MappingProxyType(reply), MappingProxyType(suggestions), tool)


def is_name(name: str) -> bool:
    """Whether an intent may be called that."""
    return _NAME.fullmatch(name) is not None


def _is_route(value: Any) -> TypeGuard[IntentRoute]:
    return value in get_args(IntentRoute)


def _by_language(entry: Any, where: str) -> dict[str, Any]:
    if not isinstance(entry, dict) or not entry.keys() <= set(LANGUAGES):
        raise Misconfigured(f"{where} must be a mapping from {', '.join(LANGUAGES)}.")
    if entry and DEFAULT_LANGUAGE not in entry:
        raise Misconfigured(f"{where} needs at least {DEFAULT_LANGUAGE}.")
    return entry


def _texts(entry: Any, where: str) -> tuple[str, ...]:
    if not isinstance(entry, list) or not entry:
        raise Misconfigured(f"{where} must be a list that is not empty.")
    for item in entry:
        if not isinstance(item, str) or not item.strip():
            raise Misconfigured(f"{where}: {item!r} is not a text; put quotes around it.")
    return tuple(entry)


def _refuse_duplicates(texts: list[str], where: str) -> None:
    seen: set[str] = set()
    for text in texts:
        key = " ".join(text.casefold().split())
        if key in seen:
            raise Misconfigured(f"{where} {text!r} stands there twice.")
        seen.add(key)
