"""Trains the name tagger: `python -m evals.training.names --people pii.jsonl --nobody intents.jsonl.gz`.

`--people` are labelled rows as the `pii` suite reads them; `--nobody` are rows of {text}, {question, answer}
or {content}, of which those sources count that hardly ever name anybody. With `--folds 5` it says what the
tagger finds in rows it has not seen, whose wording without the values stands in no row that it has; without,
it writes the weights.
"""

from __future__ import annotations

import argparse
import re
import sys
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from desk.privacy.names.tagger import FEATURES, FIRST, WEIGHTS, Words
from desk.privacy.normalise import normalise
from evals.data import Row, read_labelled, read_rows

STRENGTH = 1.0
NOBODYS = frozenset(
    {"banking77", "bitext_cs", "botframework_chitchat", "clinc150", "deepset_covid_faq", "kb_rho_bank"}
)


@dataclass(frozen=True, slots=True)
class Lesson:
    """One word: its features, whether it is part of a name, where it comes from, and its row's wording."""

    features: list[int]
    is_name: bool
    source: str
    wording: int


def lessons(row: Row) -> Iterator[Lesson]:
    """Every word of a row that the tagger would look at."""
    normalised = normalise(row["text"])
    words = Words(normalised.text)
    wording = zlib.crc32(without_values(row).encode())
    people = [span for span in row.get("spans", ()) if span["type"] == "PERSON"]
    for at in words.candidates() if words.are_english() else ():
        start, end = normalised.original_span(*words.places[at])
        named = any(span["start"] < end and start < span["end"] for span in people)
        yield Lesson(words.features(at), named, row["source"], wording)


def train(taught: Sequence[Lesson]) -> tuple[NDArray[np.float64], float]:
    """Weights by feature, and the bias."""
    model = LogisticRegression(C=STRENGTH, solver="liblinear")
    model.fit(_matrix(taught), [lesson.is_name for lesson in taught])
    return model.coef_[0], float(model.intercept_[0])


def _matrix(taught: Sequence[Lesson]) -> Any:
    ends = np.cumsum([0] + [len(lesson.features) for lesson in taught])
    places = np.concatenate([lesson.features for lesson in taught])
    matrix = sparse.csr_matrix((np.ones(len(places)), places, ends), (len(taught), FEATURES))
    matrix.sum_duplicates()
    return matrix


def without_values(row: Row) -> str:
    """The wording of a row, each value replaced by its type."""
    pieces: list[str] = []
    at = 0
    for span in sorted(row.get("spans", ()), key=lambda span: span["start"]):
        pieces += row["text"][at : span["start"]], span["type"]
        at = max(at, span["end"])
    return re.sub(r"\W+", " ", "".join((*pieces, row["text"][at:])).lower())


def judge(taught: Sequence[Lesson], folds: int) -> Counter[tuple[str, bool, bool]]:
    """By source: how many words are names, and how many of both sorts were taken for one."""
    found: Counter[tuple[str, bool, bool]] = Counter()
    for fold in range(folds):
        weights, bias = train([lesson for lesson in taught if lesson.wording % folds != fold])
        for lesson in taught:
            if lesson.wording % folds == fold:
                score = bias + weights[lesson.features].sum()
                found[lesson.source, lesson.is_name, bool(1 / (1 + np.exp(-score)) >= FIRST)] += 1
    return found


def _rows(people: Sequence[Path], nobody: Sequence[Path]) -> Iterator[Row]:
    for path in people:
        yield from read_labelled(path)
    for path in nobody:
        for row in read_rows(path, {}):
            source = row.get("source", path.parent.name)
            for name in ("text", "question", "answer", "content"):
                if source in NOBODYS and row.get(name):
                    yield {"text": row[name], "source": f"nobody {source}"}


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=Path, nargs="+", required=True)
    parser.add_argument("--nobody", type=Path, nargs="+", required=True)
    parser.add_argument("--folds", type=int, default=0)
    parser.add_argument("--to", type=Path, default=WEIGHTS)
    given = parser.parse_args()
    taught = [lesson for row in _rows(given.people, given.nobody) for lesson in lessons(row)]
    sys.stderr.write(f"{len(taught)} words, {sum(lesson.is_name for lesson in taught)} of names\n")
    if given.folds:
        for (source, is_name, taken), count in sorted(judge(taught, given.folds).items()):
            sys.stderr.write(f"{source}: {count} {'of names' if is_name else 'others'}, taken: {taken}\n")
        return
    weights, bias = train(taught)
    scale = float(np.abs(weights).max()) / 127
    quantised = np.round(weights / scale).astype(np.int8)
    np.savez_compressed(given.to, weights=quantised, scale_and_bias=np.array([scale, bias]))


if __name__ == "__main__":
    main()
