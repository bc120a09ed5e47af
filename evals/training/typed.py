"""Trains the tagger of what is typed in haste: `python -m evals.training.typed --data DIR`.

DIR holds labelled rows as the `pii` suite reads them (`pii.jsonl`, `pii_noisy_chat.jsonl`) and talk that
hardly ever names anybody. With `--leave-out 0` or `1` it learns from the other half alone; rows of one
conversation, or of one wording but for the values, stay together. `--judge` says what the service, with the
weights that it has, finds in that half.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from desk.privacy.normalise import normalise
from desk.privacy.typed.tagger import KINDS, WEIGHTS
from desk.privacy.typed.words import FEATURES, Known, Words
from evals.data import Row, read_labelled, read_rows
from evals.suites.pii import evaluate_pii
from evals.training.names import NOBODYS, without_values

STRENGTH = 1.0
LABELLED = ("pii.jsonl", "pii_noisy_chat.jsonl")
NOBODY = ("intents.jsonl.gz", "faq_corpus.jsonl", "kb_rho_bank/docs.jsonl")
# Columns of the weights, in the order of the tagger's kinds. Postcodes are learned by themselves.
COLUMNS: Final = {
    name: place
    for place, name in enumerate(
        ("PERSON", "ADDRESS", "ZIP_CODE", "PHONE", "ACCOUNT_NUMBER", "PASSWORD", "BOOKING_REF"), 1
    )
}
# What is no value for the tagger; of all other types nothing is learned.
PLAIN: Final = frozenset(
    ["ORDER_ID", "INVOICE_ID", "ITEM_ID", "PAYMENT_METHOD_ID", "LOCATION", "DATE_TIME", "AGE", "TITLE", "NRP"]
)
_LONG_TEXTS_ONE_IN = 4

PLAIN_NUMBERS: Final = Path(__file__).parent / "plain_numbers.txt"
_FILLED = 6
_RANGES: Final = {
    "small": (1, 12),
    "more": (10, 99),
    "year": (1960, 2030),
    "price": (20, 5000),
    "five": (10_000, 99_999),
    "long": (10**6, 10**14),
}
_WORDS: Final = {
    "month": ["january", "february", "march", "april", "may", "june", "july", "august", "october"],
    "thing": ["password", "account", "card", "pin", "code", "subscription", "passport", "voucher"],
}
# Of this source numbers alone are learned from: people are named in it, but no number is anybody's.
_NUMBERS_OF: Final = "hwu64"

Lesson = tuple[NDArray[np.uint32], NDArray[np.int8]]


def lesson(row: Row) -> Lesson | None:
    """The features of a row's words and what each is part of; None for a text that is not read."""
    normalised = normalise(row["text"])
    words = Words(normalised.text)
    if not words.known or not words.are_english():
        return None
    parts = [
        _part(row, *normalised.original_span(*place)) if _is_taught(known, row["source"]) else -1
        for place, known in zip(words.places, words.known, strict=True)
    ]
    taken = np.array(parts, np.int8) >= 0
    return words.features().T[taken], np.array(parts, np.int8)[taken]


def _is_taught(known: Known, source: str) -> bool:
    return known.could_be and (known.written == "0" or source != f"nobody {_NUMBERS_OF}")


def _part(row: Row, start: int, end: int) -> int:
    """The column of what stands there, 0 for nothing, -1 for what nothing is learned of."""
    kinds = [span["type"] for span in row.get("spans", ()) if span["start"] < end and start < span["end"]]
    known = [COLUMNS[kind] for kind in kinds if kind in COLUMNS]
    return known[0] if known else 0 if set(kinds) <= PLAIN else -1


def train(lessons: Sequence[Lesson]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights (features by kinds) and the bias of each kind."""
    places = np.concatenate([features for features, _ in lessons]).astype(np.int32)
    ends = np.arange(0, places.size + 1, places.shape[1])
    matrix: Any = sparse.csr_matrix((np.ones(places.size), places.ravel(), ends), (len(places), FEATURES))
    matrix.sum_duplicates()
    model = LogisticRegression(C=STRENGTH, max_iter=200, tol=1e-3)
    model.fit(matrix, np.concatenate([parts for _, parts in lessons]))
    return model.coef_.T, model.intercept_


def write(weights: NDArray[np.float64], bias: NDArray[np.float64], to: Path) -> None:
    """Keep the weights, each in a byte."""
    scale = np.abs(weights).max(axis=0) / 127
    quantised = np.round(weights / scale).astype(np.int8)
    np.savez_compressed(to, weights=quantised, scale=scale.astype(np.float32), bias=bias.astype(np.float32))


def _rows(data: Path) -> Iterator[tuple[Row, bool]]:
    """Every row to learn from, and in which half it is."""
    for name in LABELLED:
        for row in read_labelled(data / name):
            yield row, _half(row.get("conversation") or without_values(row))
    for name in NOBODY:
        for row in read_rows(data / name, {}):
            source = row.get("source", (data / name).parent.name)
            for part in ("text", "question", "answer", "content"):
                if source in {*NOBODYS, _NUMBERS_OF} and row.get(part) and _is_learned(part, row[part]):
                    yield {"text": row[part], "source": f"nobody {source}"}, _half(row[part])


def _numbers_that_are_none() -> Iterator[Row]:
    """Sentences of our own with years, prices and counts, each filled several times."""
    chance = random.Random(1)  # noqa: S311 the same sentences each time
    for line in PLAIN_NUMBERS.read_text().splitlines() * _FILLED:
        filled = re.sub(r"\{(\w+)\}", lambda blank: _filler(blank[1], chance), line)
        yield {"text": filled, "source": "own"}
        yield {"text": filled.lower().replace(".", " "), "source": "own"}


def _filler(blank: str, chance: random.Random) -> str:
    lowest, highest = _RANGES.get(blank, (0, 0))
    return str(chance.randint(lowest, highest)) if highest else chance.choice(_WORDS[blank])


def _half(wording: str) -> bool:
    return zlib.crc32(wording.encode()) // 7 % 2 == 1


def _is_learned(part: str, text: str) -> bool:
    return part != "content" or zlib.crc32(text.encode()) % _LONG_TEXTS_ONE_IN == 0


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--leave-out", type=int, choices=(0, 1))
    parser.add_argument("--judge", action="store_true")
    parser.add_argument("--to", type=Path, default=WEIGHTS)
    given = parser.parse_args()
    rows = list(_rows(given.data))
    if given.judge:
        held_out = [row for row, half in rows if half == given.leave_out and "spans" in row]
        report = evaluate_pii(held_out)
        sys.stdout.buffer.write(orjson.dumps(report["by_source"], option=orjson.OPT_INDENT_2))
        return
    rows += [(row, given.leave_out != 1) for row in _numbers_that_are_none()]
    lessons = [taught for row, half in rows if half != given.leave_out and (taught := lesson(row))]
    sys.stderr.write(f"{sum(len(parts) for _, parts in lessons)} words for {len(KINDS)} kinds\n")
    write(*train(lessons), given.to)


if __name__ == "__main__":
    main()
