"""Links: every form in which a text may point somewhere, found in one pass over its words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_RUN = re.compile(r"[^\s<>\"()\[\]]+")
_TARGET = re.compile(r"\]\(\s*(?P<target>[^)\s]{1,400})")
_SCHEME = re.compile(r"(?:[a-z][a-z0-9+.-]{1,20}:)?//|(?:mailto|tel|sms|data|javascript):", re.IGNORECASE)
# An address may stand behind the name of an attribute: "src=//shop.example/x.png".
_INSIDE = re.compile(r"(?:^|[^\w/])(?:[a-z][a-z0-9+.-]{1,20}:)?//\w", re.IGNORECASE)
_LABEL = re.compile(r"[\w-]{1,63}")
# After other last labels it takes a path or an @, as "end.Then" is a forgotten space.
_TOP: Final = frozenset(
    label
    for line in (
        "com net org edu gov info biz example shop store online site app dev io co ai xyz top club link",
        "zip mov icu vip buzz pw cyou sbs tech website live su tk ml ga cf gq",
        "click page web test onion ly me gg tv cc to de fr es it nl pt uk eu us ch at be ru cn ca au jp in",
    )
    for label in line.split()
)
_BEFORE = "*_'`"
_AFTER = ".,;:!?*_'`…"


def links_in(text: str) -> list[str]:
    """The links, addresses and e-mail addresses of a text, without the punctuation around them."""
    return [link for link, _ in _found(text)]


def without_links(text: str) -> str:
    """The text with a blank in the place of each link."""
    for _, (start, end) in reversed(list(_found(text))):
        text = f"{text[:start]} {text[end:]}"
    return text


def _found(text: str) -> Iterator[tuple[str, tuple[int, int]]]:
    targets = {match.start("target") for match in _TARGET.finditer(text)}
    for match in _RUN.finditer(text):
        word = match.group().lstrip(_BEFORE).rstrip(_AFTER)
        if match.start() in targets or is_link(word):
            yield word, match.span()


def is_link(word: str) -> bool:
    """Whether a single word, without punctuation around it, points somewhere."""
    if _SCHEME.match(word) or _INSIDE.search(word):
        return True
    _, at, rest = word.rpartition("@")
    place, slash, _ = rest.partition("/")
    host, _, _ = place.partition(":")
    labels = host.split(".")
    if len(labels) < 2 or not all(map(_LABEL.fullmatch, labels)):
        return False
    top = labels[-1].casefold()
    return top in _TOP or top.startswith("xn--") or (bool(at or slash) and len(top) > 1 and top.isalpha())
