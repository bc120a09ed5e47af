"""Finds names, addresses, numbers and passwords that no rule tells, by a linear model on words and cues.

Trained on English by `python -m evals.training.typed`. What a rule found or kept as a reference goes before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from desk.privacy.spans import EntityType, Found
from desk.privacy.typed.words import Words

WEIGHTS: Final = Path(__file__).parent / "weights.npz"
# What the columns of the weights stand for; the first is a word without a value.
KINDS: Final[tuple[EntityType | None, ...]] = (
    *(None, "PERSON", "ADDRESS", "ADDRESS", "PHONE", "ACCOUNT_NUMBER", "PASSWORD", "BOOKING_REF"),
)
# Characters. Who types in haste writes less, and hostile text costs as much as is read of it.
LONGEST_READ: Final = 4_000
# So sure of one word that a value is seen there, in haste and otherwise, where capitals and stops would tell;
# less is enough for the words beside it.
FIRST, BESIDE = (0.7, 0.5), 0.07
_ADDRESS_GAP = 3
# Numbers alone are an address only as a postcode, in one piece or two.
_LONGEST_POSTCODE = 2
# Letters and digits. What is shorter stands in any text, and would be hidden wherever it does.
_SHORTEST, _SHORTEST_NAME = 4, 2
# Words of a value; more of one kind in a row are a list, or somebody's try to keep us busy.
_MOST_WORDS = 24
_JOINED = re.compile(r"[ ’'.,#/-]{1,2}")


def find_typed(text: str) -> Iterator[Found]:
    """Values as the tagger sees them, words of one kind side by side as one."""
    text = text[:LONGEST_READ]
    words = Words(text)
    if not words.tell_anything() or not words.are_english():
        return
    chances = _chances(words)
    personal = np.where([known.could_be for known in words.known], 1 - chances[:, 0], 0)
    kinds = [KINDS[column] for column in (chances[:, 1:].argmax(axis=1) + 1).tolist()]
    run: list[int] = []
    for at in np.flatnonzero(personal >= BESIDE).tolist():
        if run and not (kinds[run[-1]] == kinds[at] and _continues(text, words, run[-1], at, kinds[at])):
            yield from _found(text, words, run, personal, kinds)
            run = []
        run.append(at)
    yield from _found(text, words, run, personal, kinds)


def _continues(text: str, words: Words, left: int, right: int, kind: EntityType | None) -> bool:
    """Whether two words of a kind belong together; in an address two others may stand between them."""
    if right - left > (_ADDRESS_GAP if kind == "ADDRESS" else 1):
        return False
    between = range(left, right)
    return all(words.known[at].could_be for at in between) and all(
        _JOINED.fullmatch(text, words.places[at][1], words.places[at + 1][0]) for at in between
    )


def _found(
    text: str, words: Words, run: list[int], personal: NDArray[np.float32], kinds: list[EntityType | None]
) -> Iterator[Found]:
    if not 0 < len(run) <= _MOST_WORDS or personal[run].max() < FIRST[words.hasty]:
        return
    if kinds[run[0]] != "PERSON" and words.tell_a_day(run):
        return
    start, end = words.places[run[0]][0], words.places[run[-1]][1]
    size = sum(map(str.isalnum, text[start:end]))
    if _can_be(kinds[run[0]], [words.known[at].written == "0" for at in run], size):
        yield Found(start, end, kinds[run[0]])


def _can_be(kind: EntityType | None, numbers: list[bool], size: int) -> bool:
    """Whether words, each a number or not, with so many letters and digits can be such a value."""
    if size < (_SHORTEST_NAME if kind == "PERSON" else _SHORTEST):
        return False
    if kind == "ADDRESS":
        return not all(numbers) or len(numbers) <= _LONGEST_POSTCODE
    return kind in {"PERSON", "PASSWORD"} or any(numbers)


def _chances(words: Words) -> NDArray[np.float32]:
    """Words by kinds: how likely each word is part of one."""
    weights, bias = _model()
    scores = np.add.reduce(weights.take(words.features(), axis=0), axis=0) + bias
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    chances: NDArray[np.float32] = scores / scores.sum(axis=1, keepdims=True)
    return chances


@cache
def _model() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    with np.load(WEIGHTS) as stored:
        return stored["weights"].astype(np.float32) * stored["scale"], stored["bias"]
