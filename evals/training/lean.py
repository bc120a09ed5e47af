"""Trains how a question's vector is leant: `python -m evals.training.lean --data DIR`.

DIR holds `intents.jsonl.gz`. Learned is a linear map under which messages of one intent lie near one another
and near the intent's name. Of the sources that retrieval is judged on none is learned from.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from desk.models.embeddings import load_minilm
from desk.retrieval.lean import WEIGHTS, save
from desk.settings import Settings
from evals.data import Row, read_rows

Vectors = NDArray[np.float32]

SOURCES: Final = ("clinc150", "dstc11_natcs", "hwu64", "multidogo")
# The names of its intents say too little ("contentonly").
UNNAMED: Final = frozenset({"multidogo"})
STEPS, AT_ONCE, RATE, WARMING, SEED = 800, 48, 2e-3, 50, 0
TEMPERATURE = 0.07
NAMED = 0.7
# How hard the map is drawn to the identity, and how much of it is taken in the end.
HOLD, SHARE = 0.1, 0.5
_JOINED = re.compile(r"(?<=[a-z])(?=[A-Z])|_")


@dataclass(frozen=True, slots=True)
class Intent:
    """The vectors of its messages, shape (n, d), and of its name, None where it says too little."""

    messages: Vectors
    name: Vectors | None


def learn(sources: Sequence[Sequence[Intent]]) -> Vectors:
    """What to add to the identity, symmetric (d, d); some ten seconds for twenty thousand messages.

    Each step takes one source and pairs of its intents: each must find its partner among the others
    (InfoNCE, van den Oord et al. 2018), by Adam.
    """
    size = sources[0][0].messages.shape[1]
    identity: Vectors = np.eye(size, dtype=np.float32)
    mapped = identity.copy()
    mean: NDArray[Any] = np.zeros_like(identity)
    spread: NDArray[Any] = np.zeros_like(identity)
    for step, (left, right) in enumerate(_pairs(sources), 1):
        slope = _slope(mapped, left, right) + HOLD * (mapped - identity)
        mean, spread = 0.9 * mean + 0.1 * slope, 0.999 * spread + 0.001 * slope * slope
        rate = RATE * min(1, step / WARMING) * (1 - step / STEPS)
        mapped -= rate * (mean / (1 - 0.9**step)) / (np.sqrt(spread / (1 - 0.999**step)) + 1e-8)
    return np.asarray(SHARE * (mapped @ mapped.T - identity), dtype=np.float32)


def _pairs(sources: Sequence[Sequence[Intent]]) -> Iterator[tuple[Vectors, Vectors]]:
    chance = np.random.default_rng(SEED)
    odds = np.sqrt([len(intents) for intents in sources])
    for _ in range(STEPS):
        intents = sources[int(chance.choice(len(sources), p=odds / odds.sum()))]
        chosen = [intents[int(at)] for at in chance.permutation(len(intents))[:AT_ONCE]]
        left = [intent.messages[chance.integers(len(intent.messages))] for intent in chosen]
        right = [_partner(intent, chance) for intent in chosen]
        yield np.stack(left), np.stack(right)


def _partner(intent: Intent, chance: np.random.Generator) -> Vectors:
    if intent.name is not None and chance.random() < NAMED:
        return intent.name
    message: Vectors = intent.messages[chance.integers(len(intent.messages))]
    return message


def _slope(mapped: Vectors, left: Vectors, right: Vectors) -> Vectors:
    """The gradient of the loss by the map, for rows that are each other's partners."""
    leant, answered = left @ mapped, right @ mapped
    lengths = [np.linalg.norm(rows, axis=1, keepdims=True) for rows in (leant, answered)]
    leant, answered = leant / lengths[0], answered / lengths[1]
    scores = np.exp((leant @ answered.T - 1) / TEMPERATURE)
    shares = scores / scores.sum(axis=1, keepdims=True) + scores / scores.sum(axis=0, keepdims=True)
    pull = (shares - 2 * np.eye(len(left))) / (2 * len(left) * TEMPERATURE)
    by_left = _across(leant, pull @ answered) / lengths[0]
    by_right = _across(answered, pull.T @ leant) / lengths[1]
    return np.asarray(left.T @ by_left + right.T @ by_right, dtype=np.float32)


def _across(rows: Vectors, slopes: Vectors) -> Vectors:
    """What of the slopes does not go along the rows: lengths do not count."""
    across: Vectors = slopes - (slopes * rows).sum(axis=1, keepdims=True) * rows
    return across


async def _embed(rows: Sequence[Row]) -> list[list[Intent]]:
    model = load_minilm(Settings().models_path)
    texts: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row["source"] in SOURCES and not row["oos"]:
            texts[row["source"]][row["intent"]].append(row["text"])
    sources = []
    for source, intents in sorted(texts.items()):
        names = [None if source in UNNAMED else _JOINED.sub(" ", name).strip() for name in intents]
        sources.append(
            [
                Intent(await model.embed(said), None if name is None else (await model.embed([name]))[0])
                for name, said in zip(names, intents.values(), strict=True)
            ]
        )
    return sources


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--to", type=Path, default=WEIGHTS)
    given = parser.parse_args()
    shape = {"text": str, "intent": str, "source": str, "oos": bool}
    sources = asyncio.run(_embed(read_rows(given.data / "intents.jsonl.gz", shape)))
    save(learn(sources), given.to)
    sys.stderr.write(f"{sum(len(one.messages) for source in sources for one in source)} messages\n")


if __name__ == "__main__":
    main()
