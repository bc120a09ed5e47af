"""What of a message is searched for: its sentences when it is long, the question before when it is short."""

from __future__ import annotations

import re

# Longer texts lose their end in the embedder, or their point in the mean of many words.
LONG = 400
MOST_SENTENCES = 32
MIN_SENTENCE = 15
FEW_WORDS = 8
# A question before is cut to this, so that both fit into the embedder's window.
MOST_BEFORE = 300
_ENDS = re.compile(r"(?<=[.!?])\s+|\n+")


def sentences(query: str) -> list[str]:
    """The texts to embed: the query, or its first 32 sentences when it is long; few words are no sentence."""
    if len(query) <= LONG:
        return [query]
    found = [one for one in _ENDS.split(query) if len(one.strip()) >= MIN_SENTENCE]
    return found[:MOST_SENTENCES] or [query]


def follows_up(query: str, before: str) -> bool:
    """Whether the query is so short that it may go on with the question `before` it."""
    return 0 < len(before) <= MOST_BEFORE and query != before and len(query.split()) <= FEW_WORDS
