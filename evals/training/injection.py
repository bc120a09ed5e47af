"""Trains the injection detector: `python -m evals.training.injection --data DIR`.

DIR holds `injections.jsonl`, `intents.jsonl.gz`, `faq_queries.jsonl`, `faq_corpus.jsonl` and
`dialogs.jsonl`. It puts the threshold where detectors that have not seen a row's wording mark as much of the
benign rows as they may, and writes the weights of one that has seen all.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from desk.routing.injection.detector import FEATURES, WEIGHTS, Detector, features
from evals.data import Row, read_rows

STRENGTH = 30.0
FOLDS = 5
SUPPORT_ROWS = 16_000
LONG_ROWS = 1500
SEED = 7
# Benign rows in the words of attacks are few, and the ones that teach most.
HARD = frozenset({"notinject", "deepset_prompt_injections"})
HARD_WEIGHT = 10.0
MIXED_WEIGHT = 0.5
# Of the benign rows that a detector has not seen, it may mark so many: in the words of attacks, and others.
HARD_MARKED = 0.05
SUPPORT_MARKED = 0.004


@dataclass(frozen=True, slots=True)
class Lesson:
    """A text, whether it is an attack, how much it counts, where it comes from, and its fold."""

    text: str
    attack: bool
    weight: float
    source: str
    fold: int


def fold_of(text: str) -> int:
    """The fold of a text, by its first words: variants of one attack stay together."""
    return zlib.crc32(" ".join(re.findall(r"\w+", text.lower())[:6]).encode()) % FOLDS


def lessons(rows: Sequence[Row], support: Sequence[Row]) -> list[Lesson]:
    """What is to be learned from labelled messages to the assistant and from benign {text, source}.

    Benign texts also stand one after the other, as people write who have much to say, and around short
    attacks, as people write who hide one: else the length of a message would tell.
    """
    chance = random.Random(SEED)  # noqa: S311
    benign = chance.sample(list(support), min(SUPPORT_ROWS, len(support)))
    taught = [_lesson(row["text"], attack=False, weight=1.0, source=row["source"]) for row in benign]
    texts = [lesson.text for lesson in taught]
    for _ in range(LONG_ROWS if texts else 0):
        chosen = chance.choices(texts, k=chance.randint(3, 14))
        taught.append(_lesson(". ".join(chosen), attack=False, weight=1.0, source="joined"))
    for row in rows:
        if row["channel"] != "user":
            continue
        attack, source = bool(row["label"]), row["source"]
        weight = HARD_WEIGHT if source in HARD and not attack else 1.0
        taught.append(_lesson(row["text"], attack=attack, weight=weight, source=source))
        if attack and texts and len(row["text"]) < 300:
            hidden = f"{chance.choice(texts)}. {row['text']}"
            taught.append(Lesson(hidden, True, MIXED_WEIGHT, source, fold_of(row["text"])))
    return taught


def train(taught: Sequence[Lesson]) -> Detector:
    """A detector whose scores are log odds; its threshold is even odds."""
    model = LogisticRegression(C=STRENGTH, solver="liblinear")
    weight = [lesson.weight for lesson in taught]
    model.fit(_matrix(taught), [lesson.attack for lesson in taught], sample_weight=weight)
    return Detector.of(model.coef_[0], float(model.intercept_[0]))


def cross_fit(taught: Sequence[Lesson]) -> list[Detector]:
    """By fold, a detector that has seen all the others."""
    return [train([lesson for lesson in taught if lesson.fold != fold]) for fold in range(FOLDS)]


def threshold(taught: Sequence[Lesson], detectors: Sequence[Detector]) -> float:
    """The least score above which they mark no more of the benign lessons than they may."""
    hard: list[float] = []
    others: list[float] = []
    for lesson in taught:
        if not lesson.attack:
            score = detectors[lesson.fold].score(lesson.text)
            (hard if lesson.source == "notinject" else others).append(score)
    bounds = [
        np.quantile(scores, 1 - most)
        for scores, most in ((hard, HARD_MARKED), (others, SUPPORT_MARKED))
        if scores
    ]
    return float(max(bounds))


def shifted(detector: Detector, by: float) -> Detector:
    """The detector with a threshold that is so much higher."""
    return Detector(detector.weights, detector.bias - by)


def _lesson(text: str, *, attack: bool, weight: float, source: str) -> Lesson:
    return Lesson(text, attack, weight, source, fold_of(text))


def _matrix(taught: Sequence[Lesson]) -> Any:
    found = [sorted(features(lesson.text)) for lesson in taught]
    ends = np.cumsum([0] + [len(places) for places in found])
    values: NDArray[np.float64] = np.concatenate(
        [np.full(len(places), 1 / np.sqrt(max(1, len(places)))) for places in found]
    )
    columns = np.concatenate([np.array(places, dtype=np.int64) for places in found])
    return sparse.csr_matrix((values, columns, ends), (len(taught), FEATURES))


def read_support(folder: Path, leave_out: frozenset[str]) -> list[Row]:
    """Benign {text, source} of the data sets in a folder, without the texts in `leave_out`."""
    rows = read_rows(folder / "intents.jsonl.gz", {"text": str, "source": str})
    asked = read_rows(folder / "faq_queries.jsonl", {"query": str, "source": str})
    answers = read_rows(folder / "faq_corpus.jsonl", {"source": str})
    rows += [{"text": row["query"], "source": row["source"]} for row in asked]
    rows += [{"text": row["answer"], "source": row["source"]} for row in answers if row.get("answer")]
    for talk in read_rows(folder / "dialogs.jsonl", {"turns": list, "source": str}):
        said = [turn["text"] for turn in talk["turns"] if turn["role"] == "user"]
        rows += [{"text": text, "source": talk["source"]} for text in said]
    return [row for row in rows if row["text"] not in leave_out]


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--to", type=Path, default=WEIGHTS)
    given = parser.parse_args()
    rows = read_rows(given.data / "injections.jsonl", {"text": str, "label": int, "channel": str})
    judged = frozenset(row["text"] for row in rows)
    taught = lessons(rows, read_support(given.data, judged))
    bound = threshold(taught, cross_fit(taught))
    detector = shifted(train(taught), bound)
    weights = np.array(detector.weights)
    scale = float(np.abs(weights).max()) / 127
    quantised = np.round(weights / scale).astype(np.int8)
    np.savez_compressed(given.to, weights=quantised, scale_and_bias=np.array([scale, detector.bias]))
    sys.stderr.write(f"{len(taught)} lessons, threshold {bound:.2f}\n")


if __name__ == "__main__":
    main()
