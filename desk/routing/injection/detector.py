"""Tells by its words and pairs of words how like an attack on a language model a message is.

Trained by `python -m evals.training.injection`. It marks, and never refuses: what is marked is answered
without a model.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from array import array
from dataclasses import dataclass
from functools import cache
from math import sqrt
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

WEIGHTS: Final = Path(__file__).parent / "weights.npz"
FEATURES: Final = 1 << 15
# Characters; hostile text costs as much as is read of it.
LONGEST_READ: Final = 4000

_TOKEN = re.compile(r"[^\W_]+|[^\w\s]")
_DIGITS = re.compile(r"\d+")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\U000e0000-\U000e007f]")


@dataclass(frozen=True, slots=True)
class Detector:
    """Weights by feature; a message whose score is above 0 is marked."""

    weights: array[float]
    bias: float

    @classmethod
    def of(cls, weights: NDArray[np.float64], bias: float) -> Detector:
        """From weights of shape (FEATURES,) and a bias that has the threshold in it."""
        return cls(array("f", weights.astype(np.float32)), bias)

    def score(self, text: str) -> float:
        """How like an attack the text is; above 0 it is marked."""
        found = features(text)
        if not found:
            return self.bias
        weights = self.weights
        return self.bias + sum([weights[place] for place in found]) / sqrt(len(found))


def features(text: str) -> set[int]:
    """Where in the weights to look for a text: its words and signs, and each two side by side.

    Which number or e-mail address it is says nothing, so every one is the same.
    """
    text = text[:LONGEST_READ]
    if not text.isascii():
        text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    if "@" in text:  # attacks have few e-mail addresses, customers have theirs
        text = " ".join(["it" if "@" in word else word for word in text.split()])
    words = _TOKEN.findall(_DIGITS.sub("0", text.lower()))
    crc, mask = zlib.crc32, FEATURES - 1
    found = {crc(word.encode()) & mask for word in words}
    pairs = zip(["", *words], words, strict=False)
    found.update([crc(f"{left} {right}".encode()) & mask for left, right in pairs])
    return found


def is_injection(text: str) -> bool:
    """Whether a message tries to take the assistant over, as far as the shipped model can tell."""
    return shipped().score(text) > 0


@cache
def shipped() -> Detector:
    """The detector that comes with the service; read at its first use."""
    with np.load(WEIGHTS) as stored:
        scale, bias = (float(value) for value in stored["scale_and_bias"])
        return Detector.of(stored["weights"] * scale, bias)
