"""Sketches a text's words and word parts as a vector, for codes and names that meaning-vectors miss."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

WIDTH = 1024
BUCKETS = 1 << 16
CHARACTER_GRAMS = (3, 4, 5)
MAX_CHARACTERS = 2000

Text = TypeVar("Text", str, bytes)

_WORD = re.compile(r"\w+")
_SPREAD = np.arange(BUCKETS, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)  # Fibonacci hashing
_COLUMN = ((_SPREAD >> np.uint64(40)) % np.uint64(WIDTH)).astype(np.int64)
_SIGN = np.where((_SPREAD >> np.uint64(63)) == 0, 1.0, -1.0)


class LexicalSketch:
    """TF-IDF over word and character n-grams, folded by a signed hash into 1024 columns.

    The fold keeps dot products on average (count sketch, Weinberger et al. 2009).
    """

    def __init__(self, texts: Sequence[str]) -> None:
        seen = [np.unique(_grams(text)) for text in texts]
        frequency = np.bincount(np.concatenate([*seen, np.empty(0, np.int64)]), minlength=BUCKETS)
        self._rarity = np.log((1 + len(texts)) / (1 + frequency)) + 1

    def __call__(self, text: str) -> NDArray[np.float32]:
        """Shape (1024,), of about length 1; zeros for a text without a word."""
        buckets, counts = _counted(_grams(text))
        weights = (1 + np.log(counts)) * self._rarity[buckets]
        weights /= math.sqrt(weights.dot(weights)) or 1.0
        folded = np.bincount(_COLUMN[buckets], weights * _SIGN[buckets], WIDTH)
        return folded.astype(np.float32)

    def rows(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (n, 1024)."""
        return np.stack([self(text) for text in texts])


def _counted(buckets: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each bucket once, in order, and how often it was there: np.unique at half its cost."""
    buckets.sort()
    first = np.empty(len(buckets), dtype=np.bool_)
    first[:1] = True
    np.not_equal(buckets[1:], buckets[:-1], out=first[1:])
    starts = first.nonzero()[0]
    counts = np.empty_like(starts)
    counts[-1:], counts[:-1] = len(buckets), starts[1:]
    counts -= starts
    return buckets[starts], counts


def _grams(text: str) -> NDArray[np.int64]:
    read = text[:MAX_CHARACTERS].lower()
    words = _WORD.findall(read)
    fenced = [f"<{word}>" for word in words]
    whole = [*fenced, *(f"{left} {right}" for left, right in pairwise(words))]
    hashes = [crc32(gram.encode("utf-8", "surrogatepass")) for gram in whole]
    if read.isascii():
        # A byte is a letter: parts of the encoded word are the encoded parts, at half the cost.
        hashes += [crc32(part) for part in _parts([word.encode() for word in fenced])]
    else:
        hashes += [crc32(part.encode("utf-8", "surrogatepass")) for part in _parts(fenced)]
    return np.array(hashes, dtype=np.int64) % BUCKETS


def _parts(fenced: list[Text]) -> list[Text]:
    return [w[i : i + size] for w in fenced for size in CHARACTER_GRAMS for i in range(len(w) - size + 1)]
