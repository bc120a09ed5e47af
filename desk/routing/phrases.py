"""Reads a short text as phrases that are known, as `plain` spells them."""

from __future__ import annotations

from collections.abc import Container, Iterable

from desk.routing.person import plain

MOST_WORDS = 5


def phrases(written: str) -> frozenset[str]:
    """The phrases of a list with commas between."""
    return frozenset(" ".join(phrase.split()) for phrase in written.split(","))


def read_as(words: list[str], known: Container[str], links: Container[str] = ()) -> list[str] | None:
    """The words as known phrases, the longest first; None if anything else is among them.

    `links` are words that may stand between and after them.
    """
    found: list[str] = []
    at = 0
    while at < len(words):
        sizes = range(MOST_WORDS, 0, -1)
        pieces = (" ".join(words[at : at + size]) for size in sizes)
        piece = next((piece for piece in pieces if piece in known), None)
        if piece is not None:
            found.append(piece)
        elif not found or words[at] not in links:
            return None
        at += piece.count(" ") + 1 if piece else 1
    return found


def says_no_more(text: str, examples: Iterable[str]) -> bool:
    """Whether a text is a request as the examples are, with nothing said that is not in one of them."""
    known = {word for example in examples for word in plain(example).split()}
    return known.issuperset(plain(text).split())
