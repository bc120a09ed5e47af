"""The `faq_gaps` suite: do questions that mean the same come together, and no others?"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desk.models.embeddings import Embedder
from desk.retrieval.gathering import gather
from desk.storage.faq_gaps import LEAST_QUESTIONS, MOST
from evals.data import Row
from evals.report import Figures, Report, build_report, rounded, share

DEFINITION_VERSION = 1
# What comes in between two runs of the job.
SLICE = 100

Names = NDArray[np.int64]


async def evaluate_faq_gaps(rows: Sequence[Row], embedder: Embedder) -> Report:
    """Gather each source's rows {text, intent, source, oos} as the job does, in an order of chance.

    Rows out of scope are left out, and of more than 2,000 the rest. The figures are those of gathering all at
    once; `pairwise_f1_in_slices` is of rows that come in by hundreds, gathered into what is there.
    """
    by_source: dict[str, Figures] = {}
    times = []
    for source in sorted({row["source"] for row in rows}):
        own = sorted((row for row in rows if row["source"] == source and not row["oos"]), key=_chance)[:MOST]
        vectors = await embedder.embed([row["text"] for row in own])
        _, meant = np.unique([row["intent"] for row in own], return_inverse=True)
        started = time.perf_counter()
        gathered = await asyncio.to_thread(gather, vectors, range(len(own)))
        times.append((time.perf_counter() - started) * 1000)
        sliced = await asyncio.to_thread(_in_slices, vectors)
        by_source[source] = figures(gathered, meant) | {
            "pairwise_f1_in_slices": figures(sliced, meant)["pairwise_f1"]
        }
    overall: Figures = {"n": sum(found["n"] for found in by_source.values())}
    return build_report("faq_gaps", DEFINITION_VERSION, by_source, overall, times, {})


def figures(gathered: Names, meant: Names) -> Figures:
    """How groups agree with what was meant: `pairwise_*` over all pairs, the rest of gaps of three or more.

    `purity` is the share of a gap's questions that mean what most of them mean, `in_gaps` the share of all
    questions that are in a gap, `intents_found` the share of intents with three questions or more that are
    what most of some gap mean.
    """
    table = _counted(gathered, meant)
    both, together, alike = _pairs(table), _pairs(table.sum(axis=1)), _pairs(table.sum(axis=0))
    gaps = table[table.sum(axis=1) >= LEAST_QUESTIONS]
    often = np.flatnonzero(table.sum(axis=0) >= LEAST_QUESTIONS)
    found = np.intersect1d(gaps.argmax(axis=1), often) if len(gaps) else often[:0]
    return {
        "n": len(meant),
        "gaps": len(gaps),
        "purity": share(int(gaps.max(axis=1, initial=0).sum()), int(gaps.sum())),
        "in_gaps": share(int(gaps.sum()), len(meant)),
        "intents_found": share(len(found), len(often)),
        "pairwise_precision": share(both, together),
        "pairwise_recall": share(both, alike),
        "pairwise_f1": rounded(2 * both / (together + alike)) if together + alike else None,
    }


def _in_slices(vectors: NDArray[np.float32]) -> Names:
    groups = np.arange(len(vectors))
    for end in range(SLICE, len(vectors) + SLICE, SLICE):
        groups[:end] = gather(vectors[:end], groups[:end].tolist())
    return groups


def _counted(gathered: Names, meant: Names) -> Names:
    """How many rows of each group mean each thing, shape (groups, meanings)."""
    groups, places = np.unique(gathered, return_inverse=True)
    table = np.zeros((len(groups), int(meant.max(initial=-1)) + 1), dtype=np.int64)
    np.add.at(table, (places, meant), 1)
    return table


def _pairs(counts: Names) -> int:
    return int((counts * (counts - 1) // 2).sum())


def _chance(row: dict[str, Any]) -> bytes:
    return hashlib.sha256(row["text"].encode()).digest()
