"""Finds personal values that somebody wrote in base64, by looking into what it stands for."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator

from desk.privacy.spans import EntityType, Found

_BASE64 = re.compile(r"(?<![\w+/=-])[A-Za-z0-9+/_-]{11,2000}={0,2}(?![\w+/=-])")


def find_encoded(text: str, find: Callable[[str], Iterable[Found]]) -> Iterator[Found]:
    """Words that read as text with a personal value in it when decoded, under the value's type."""
    kinds: dict[str, EntityType | None] = {}  # hostile text says one word thousands of times
    for match in _BASE64.finditer(text):
        word = match.group()
        if word not in kinds:
            hidden = _decoded(word)
            kinds[word] = next((found.type for found in find(hidden) if found.type), None) if hidden else None
        kind = kinds[word]
        if kind:
            yield Found(match.start(), match.end(), kind)


def _decoded(word: str) -> str:
    """The text behind the word; empty if it is no text."""
    bare = word.rstrip("=")
    try:
        text = base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=False).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return text if text.isprintable() else ""
