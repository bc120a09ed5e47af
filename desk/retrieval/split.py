"""Cuts a FAQ into the texts that are embedded, and joins their vectors into the parts that are searched."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from desk.storage.faqs import FaqEntry

# What the embedder reads of a text ends near here (256 tokens).
PASSAGE = 1000
# What has so many sentences below a heading is a document: customers ask for any of them.
MANY = 3
_HEADING = re.compile(r"^#{1,6}\s", re.MULTILINE)
# A shorter one is a heading, a number of a list or a greeting.
MIN_SENTENCE = 8
_ENDS = re.compile(r"(?<=[.!?])\s+|\n+")

# How far one other wording draws the centre of a FAQ; see docs/understanding.md.
WORDING_WEIGHT = 0.3

Vectors = NDArray[np.float32]


def texts(entry: FaqEntry) -> list[str]:
    """What to embed: the question, the answer's first passage, its later parts, the other wordings."""
    return [entry.question, *_passages(entry)[:1], *_later(entry), *entry.aliases]


def count_parts(entry: FaqEntry) -> int:
    """How many vectors `join` makes."""
    return 1 + len(_later(entry)) + len(entry.aliases)


def join(entry: FaqEntry, vectors: Vectors) -> Vectors:
    """The parts of a FAQ from the vectors of its `texts`, each of length 1: its centre, then the others.

    The centre is half way between question and answer, drawn a little by every other wording. A wording, or a
    sentence of a document, is a part of its own, drawn half way to the centre. By measurement this finds
    more than the question, the answer, both in one text, or the best of these.
    """
    first = 1 + len(_passages(entry)[:1])
    aliases = vectors[len(vectors) - len(entry.aliases) :]
    centre = _unit(_unit(vectors[:first].sum(axis=0)) + WORDING_WEIGHT * aliases.sum(axis=0))
    return np.vstack([centre[None], _unit(vectors[first:] + centre)])


def _later(entry: FaqEntry) -> list[str]:
    """What is found by itself: each sentence of a document, else what follows the answer's beginning.

    A question says what its answer is about, so that sentences of that answer only lead astray.
    """
    if not entry.question.rstrip().endswith("?") or _HEADING.search(entry.answer):
        sentences = [one for one in _sentences(entry.answer) if len(one) >= MIN_SENTENCE]
        if len(sentences) >= MANY:
            return sentences
    return _passages(entry)[1:]


def _passages(entry: FaqEntry) -> list[str]:
    """The answer in passages of whole sentences."""
    passages: list[str] = []
    for sentence in _sentences(entry.answer):
        if passages and len(passages[-1]) + 1 + len(sentence) <= PASSAGE:
            passages[-1] += " " + sentence
        else:
            passages.append(sentence)
    return passages


def _sentences(text: str) -> list[str]:
    whole = (sentence for sentence in _ENDS.split(text) if sentence.strip())
    return [
        sentence[start : start + PASSAGE] for sentence in whole for start in range(0, len(sentence), PASSAGE)
    ]


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)
