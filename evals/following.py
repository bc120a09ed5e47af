"""A model that does as its prompt says, and only then: what the gate asks when no language model is at hand.

It knows four rules by their words: with a rule it answers from the passage nearest to the question, copies
its figures, admits what it does not find, is short; without the rule it does not. It shows whether the rules
reach the model and what the service makes of its answers, never how well a language model follows them.
"""

from __future__ import annotations

import re

from desk.models.catalog import ModelSpec
from desk.models.port import ModelRequest
from desk.models.scripted import ScriptedModel

FOLLOWING = ModelSpec("following", "scripted", external=False, context_window=32_768)
MADE_UP = "Thank you for asking! That is no problem at all, our friendly team takes care of everything."
NOT_FOUND = "I do not find that in what I have at hand. Shall I bring in a person?"

_PASSAGES = re.compile(r"<passages>\n(.*?)\n?</passages>", re.DOTALL)
_PASSAGE = re.compile(r"^\[[^\]\n]+\] (.*)\n", re.MULTILINE)
_WORD = re.compile(r"[^\W\d_]{4,}")
_FIGURE = re.compile(r"(?<!\w)[$€£]?\d(?:[\d.,:/-]*\d)?%?")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_GROUNDED = re.compile(r"only from the passages", re.IGNORECASE)
_EXACT = re.compile(r"copy every number", re.IGNORECASE)
_ADMITS = re.compile(r"do not hold the answer, say so", re.IGNORECASE)
_SHORT = re.compile(r"two to four short sentences", re.IGNORECASE)
_MOST_SENTENCES = 4


def following_model() -> ScriptedModel:
    """A model of this kind; it calls nothing, and answers the same request in the same way."""
    return ScriptedModel(follow, spec=FOLLOWING)


def follow(request: ModelRequest) -> str:
    """The answer that the rules of the system prompt lead to."""
    system = str(request.messages[0]["content"])
    asked = next(str(one["content"]) for one in reversed(request.messages) if one["role"] == "user")
    best, shared = _nearest(system, set(_words(asked)))
    if not _GROUNDED.search(system) or not best:
        return MADE_UP
    if not shared and _ADMITS.search(system):
        return NOT_FOUND
    if _SHORT.search(system):
        best = " ".join(_SENTENCE.split(best)[:_MOST_SENTENCES])
    return best if _EXACT.search(system) else _FIGURE.sub("a few", best)


def _nearest(system: str, asked: set[str]) -> tuple[str, int]:
    """The passage that shares most words with the question, the first of equals, and how many it shares."""
    found = _PASSAGES.findall(system)
    parts = _PASSAGE.split(found[-1])[1:] if found else []
    passages = list(zip(parts[::2], parts[1::2], strict=True))
    shared = [len(asked & set(_words(f"{title} {text}"))) for title, text in passages]
    if not shared:
        return "", 0
    at = shared.index(max(shared))
    return passages[at][1].strip(), shared[at]


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
