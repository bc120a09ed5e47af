"""The system's own phrases in every language it speaks, from `replies/<language>.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from desk.errors import Misconfigured
from prompts.template import fill
from prompts.yaml_file import read_mapping

LANGUAGES: Final = ("en", "de", "fr", "es", "it", "nl", "pt")
DEFAULT_LANGUAGE: Final = "en"
FOLDER = Path(__file__).parent / "replies"


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase with its `{{variables}}` still in place, and what the customer may tap next."""

    text: str
    suggestions: tuple[str, ...] = ()


def phrase(key: str, language: str, **values: str) -> str:
    """The phrase in the language (a tag like `de-AT` counts as `de`), in English when it is not spoken.

    Raises Misconfigured for an unknown key and InvalidInput for missing or unknown values.
    """
    return fill(_find(key, language).text, values, where=f"Phrase {key}")


def suggestions(key: str, language: str) -> tuple[str, ...]:
    """What the customer may tap after the phrase; each is a message that the assistant understands."""
    return _find(key, language).suggestions


def spoken_language(language: str) -> str:
    """The language in which phrases come out for a language tag."""
    short = language.split("-", 1)[0].split("_", 1)[0].lower()
    return short if short in LANGUAGES else DEFAULT_LANGUAGE


@lru_cache(maxsize=len(LANGUAGES))
def load_phrases(language: str) -> dict[str, Phrase]:
    """All phrases of one of LANGUAGES; raises Misconfigured when the file is not as it should be."""
    where = f"replies/{language}.yaml"
    entries = read_mapping(FOLDER / f"{language}.yaml")
    return {key: _parse(entry, f"{where}: {key}") for key, entry in entries.items()}


@lru_cache(maxsize=len(LANGUAGES))
def all_phrases(language: str) -> str:
    """All that the service says by itself in one of LANGUAGES, a phrase a line."""
    return "\n".join(phrase.text for phrase in load_phrases(language).values())


def _find(key: str, language: str) -> Phrase:
    try:
        return load_phrases(spoken_language(language))[key]
    except KeyError:
        raise Misconfigured(f"There is no phrase {key!r} in prompts/replies.") from None


def _parse(entry: Any, where: str) -> Phrase:
    if isinstance(entry, str) and entry:
        return Phrase(entry)
    if not isinstance(entry, dict) or not entry.keys() <= {"text", "suggestions"}:
        raise Misconfigured(f"{where} must be a text, or a mapping of text and suggestions.")
    text, taps = entry.get("text"), entry.get("suggestions", [])
    if not isinstance(text, str) or not text or not all(isinstance(tap, str) for tap in taps):
        raise Misconfigured(f"{where}: text and every suggestion must be a text.")
    return Phrase(text, tuple(taps))
