"""Finds personal values that somebody wrote in base64, by looking into what it stands for."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator

from desk.privacy.spans import EntityType, Found
from desk.privacy.verdicts import Verdicts

_BASE64 = re.compile(r"(?<![\w+/=-])[A-Za-z0-9+/_-]{11,2000}={0,2}(?![\w+/=-])")


def find_encoded(text: str, find: Callable[[str], Iterable[Found]]) -> Iterator[Found]:
    """Words that read as text with a personal value in it when decoded, under the value's type."""

    def hidden_in(word: str) -> EntityType | None:
        hidden = _decoded(word)
        return next((found.type for found in find(hidden) if found.type), None) if hidden else None

    kinds = Verdicts(hidden_in)
    for match in _BASE64.finditer(text):
        kind = kinds[match.group()]
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
