"""Does what is cited support the answer?"""

from __future__ import annotations

import re

from evals.scorers.observed import Expected, Observed, folded

_CLAIM = re.compile(r"[$€£]?\d[\d.,:/-]*\d|[$€£]?\d|\b[\w.+-]+@[\w.-]+\w|https?://\S+")
_WORD = re.compile(r"[^\W\d_]{5,}")
LEAST_SHARED = 0.5


def score_support(_expected: Expected, observed: Observed) -> bool | None:
    """Whether each number, amount and address of a citing answer, and half of its words, stand in a quote."""
    quotes = folded(" ".join(f"{c['title']} {c['quote']}" for c in observed.reply["citations"]))
    if not quotes:
        return None
    text = folded(observed.text)
    words = _WORD.findall(text)
    shared = sum(word in quotes for word in words)
    return all(claim in quotes for claim in _CLAIM.findall(text)) and shared >= LEAST_SHARED * len(words)
