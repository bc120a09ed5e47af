"""The `routing` suite: is the intent right, and does the confidence know when it is not?"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from desk.errors import InvalidInput
from desk.models.embeddings import Embedder
from desk.routing.promise import threshold_for
from desk.routing.router import Example, Router

DEFINITION_VERSION = 1
FOLDS = 5
REJECTED_IN_SCOPE = 5
COVERAGE = 0.6
PROMISED_ERROR = 0.02
RESAMPLES = 1000

_WORDS = re.compile(r"[^\W\d_]+")

Row = dict[str, Any]
Advance = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Judged:
    """What the router made of rows: right intent or not, its confidence, and which rows are out of scope.

    `promised` says which it answers as a tenant with this promised error has it: from the confidence on that
    its own examples prove.
    """

    right: NDArray[np.bool_]
    confidence: NDArray[np.float64]
    out_of_scope: NDArray[np.bool_]
    ms: NDArray[np.float64]
    promised: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Embedded:
    rows: Sequence[Row]
    vectors: NDArray[np.float32]
    ms: NDArray[np.float64]


async def evaluate_routing(
    examples: list[Row], dataset: list[Row] | None, embedder: Embedder
) -> dict[str, Any]:
    """Fit one router a source on `examples` and judge `dataset`; absent or equal, five folds of `examples`.

    Rows are {text, intent, source, oos}. A source without examples is counted and its figures are null.
    """
    _check(examples)
    _check(dataset or [])
    folded = dataset is None or dataset == examples
    asked = examples if dataset is None else dataset
    sources = sorted({row["source"] for row in asked})
    judged: dict[str, Judged] = {}
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for source in sources:
            train = [row for row in examples if row["source"] == source]
            test = [row for row in asked if row["source"] == source]
            if not train:
                judged[source] = _unjudged(len(test))
            elif folded:
                judged[source] = await _judge_folds(train, embedder, progress)
            else:
                judged[source] = await _judge(train, test, embedder, progress)
    return _report(judged)


def figures(judged: Judged) -> dict[str, Any]:
    """The suite's figures of some rows; null where there is no row that could tell."""
    inside, outside = ~judged.out_of_scope, judged.out_of_scope
    known = not np.isnan(judged.confidence).any()
    both = known and inside.any() and outside.any()
    sure, unsure = judged.confidence[inside], judged.confidence[outside]
    return {
        "n": len(judged.right),
        "accuracy_in_scope": _rounded(judged.right[inside].mean()) if known and inside.any() else None,
        "oos_auroc": _rounded(area_under_roc(sure, unsure)) if both else None,
        "oos_recall_at_5pct_rejection": _rounded(np.mean(unsure < np.percentile(sure, REJECTED_IN_SCOPE)))
        if both
        else None,
        "precision_at_60pct_coverage": _rounded(_precision_at(judged, COVERAGE))
        if known and len(judged.right)
        else None,
        **_promise(judged, known=known),
        **_own_promise(judged, known=known),
    }


def _promise(judged: Judged, *, known: bool) -> dict[str, float | None]:
    """Halves the rows 1,000 times: a threshold is chosen on one half, its error counted on the other.

    `promise_held` is the share of halvings in which at most 2 % of the answers of the other half are wrong,
    out of scope included; where nothing is proven nothing is answered, and the promise is held.
    """
    rows = len(judged.right)
    if not known or rows < 2:
        return {"promise_held": None, "coverage_at_2pct_error": None}
    random, held, coverage = np.random.default_rng(0), 0, 0.0
    inside = ~judged.out_of_scope
    for _ in range(RESAMPLES):
        order = random.permutation(rows)
        chosen_on, counted_on = order[: rows // 2], order[rows // 2 :]
        threshold = threshold_for(judged.confidence[chosen_on], judged.right[chosen_on], PROMISED_ERROR)
        answered = judged.confidence[counted_on] >= (np.inf if threshold is None else threshold)
        wrong = (answered & ~judged.right[counted_on]).sum()
        held += int(wrong <= PROMISED_ERROR * answered.sum())
        asked = inside[counted_on]
        coverage += float(answered[asked].mean()) if asked.any() else 0.0
    return {
        "promise_held": _rounded(held / RESAMPLES),
        "coverage_at_2pct_error": _rounded(coverage / RESAMPLES),
    }


def _own_promise(judged: Judged, *, known: bool) -> dict[str, float | None]:
    """The promise as the service keeps it: the threshold is proven on the router's own examples alone.

    `own_promise_error` is the share of wrong answers among those given, rows out of scope included.
    """
    inside, answered = ~judged.out_of_scope, judged.promised
    if not known or not inside.any():
        return {"own_promise_error": None, "own_promise_coverage": None}
    return {
        "own_promise_error": _rounded((~judged.right[answered]).mean()) if answered.any() else None,
        "own_promise_coverage": _rounded(answered[inside].mean()),
    }


def area_under_roc(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> float:
    """Chance that a positive stands above a negative; ties count half (Mann-Whitney)."""
    values, places = np.unique(np.concatenate([positive, negative]), return_inverse=True)
    counts = np.bincount(places, minlength=len(values))
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places[: len(positive)]]
    wins = ranks.sum() - len(positive) * (len(positive) + 1) / 2
    return float(wins / (len(positive) * len(negative)))


def fold_of(text: str) -> int:
    """The fold of a text, by its words alone: texts that differ in digits and punctuation stay together."""
    words = " ".join(_WORDS.findall(text.lower()))
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big") % FOLDS


async def _judge_folds(rows: list[Row], embedder: Embedder, progress: Progress) -> Judged:
    embedded = await _embed(rows, embedder, progress)
    folds = np.array([fold_of(row["text"]) for row in rows])
    task = progress.add_task(f"{rows[0]['source']}: {FOLDS} folds", total=FOLDS)
    parts: list[Judged] = []
    for fold in range(FOLDS):
        if (folds == fold).any():
            router = await _fit(_pick(embedded, folds != fold), embedder)
            asked = await _spelled(_pick(embedded, folds == fold), router, embedder)
            parts.append(await asyncio.to_thread(_ask, router, asked))
        progress.advance(task)
    return _join(parts)


async def _judge(train: list[Row], test: list[Row], embedder: Embedder, progress: Progress) -> Judged:
    router = await _fit(await _embed(train, embedder, progress), embedder)
    asked = await _spelled(await _embed(test, embedder, progress), router, embedder)
    return await asyncio.to_thread(_ask, router, asked)


async def _embed(rows: list[Row], embedder: Embedder, progress: Progress) -> _Embedded:
    task = progress.add_task(f"{rows[0]['source']}: embedding", total=len(rows))
    vectors = np.empty((len(rows), embedder.dimensions), dtype=np.float32)
    times = np.empty(len(rows))
    for place, row in enumerate(rows):
        started = time.perf_counter()
        vectors[place] = (await embedder.embed([row["text"]]))[0]
        times[place] = (time.perf_counter() - started) * 1000
        progress.advance(task)
    return _Embedded(rows, vectors, times)


async def _fit(train: _Embedded, embedder: Embedder) -> Router:
    examples = [Example(row["text"], None if row["oos"] else row["intent"]) for row in train.rows]
    return await asyncio.to_thread(Router.fit, examples, train.vectors, embedder.words)


async def _spelled(test: _Embedded, router: Router, embedder: Embedder) -> _Embedded:
    """The rows as the router reads them; what is misspelled is embedded as it was meant."""
    rows, vectors, ms = [], test.vectors.copy(), test.ms.copy()
    for place, row in enumerate(test.rows):
        started = time.perf_counter()
        text = router.spelled(row["text"])
        if text != row["text"]:
            vectors[place], ms[place] = (await embedder.embed([text]))[0], 0.0
        ms[place] += (time.perf_counter() - started) * 1000
        rows.append({**row, "text": text})
    return _Embedded(rows, vectors, ms)


def _ask(router: Router, test: _Embedded) -> Judged:
    right, confidence, times = [], [], []
    for row, vector in zip(test.rows, test.vectors, strict=True):
        started = time.perf_counter()
        decision = router.route(row["text"], vector)
        times.append((time.perf_counter() - started) * 1000)
        right.append(not row["oos"] and decision.candidate == row["intent"])
        confidence.append(decision.confidence)
    outside = np.array([row["oos"] for row in test.rows], dtype=np.bool_)
    sure, threshold = np.array(confidence), router.proof.threshold(PROMISED_ERROR)
    promised = sure >= (np.inf if threshold is None else threshold)
    return Judged(np.array(right, dtype=np.bool_), sure, outside, test.ms + np.array(times), promised)


def _pick(embedded: _Embedded, chosen: NDArray[np.bool_]) -> _Embedded:
    rows = [row for row, wanted in zip(embedded.rows, chosen, strict=True) if wanted]
    return _Embedded(rows, embedded.vectors[chosen], embedded.ms[chosen])


def _join(parts: Sequence[Judged]) -> Judged:
    return Judged(
        np.concatenate([part.right for part in parts]),
        np.concatenate([part.confidence for part in parts]),
        np.concatenate([part.out_of_scope for part in parts]),
        np.concatenate([part.ms for part in parts]),
        np.concatenate([part.promised for part in parts]),
    )


def _unjudged(count: int) -> Judged:
    nothing = np.zeros(count, dtype=np.bool_)
    return Judged(nothing, np.full(count, np.nan), nothing, np.empty(0), nothing)


def _precision_at(judged: Judged, coverage: float) -> float:
    order = np.argsort(-judged.confidence, kind="stable")
    covered = order[: max(1, round(coverage * len(order)))]
    return float(judged.right[covered].mean())


def _report(judged: dict[str, Judged]) -> dict[str, Any]:
    known = [part for part in judged.values() if not np.isnan(part.confidence).any()]
    overall = _join(known or [_unjudged(0)])
    timed = len(overall.ms) > 0
    return {
        "suite": "routing",
        "n": sum(len(part.right) for part in judged.values()),
        "by_source": {source: figures(part) for source, part in judged.items()},
        "overall": figures(overall),
        "timing": {
            f"p{point}_ms": round(float(np.percentile(overall.ms, point)), 3) if timed else None
            for point in (50, 99)
        },
        "definition_version": DEFINITION_VERSION,
    }


def _check(rows: list[Row]) -> None:
    for number, row in enumerate(rows, 1):
        if not {"text", "intent", "source", "oos"} <= row.keys():
            raise InvalidInput(f"Row {number}: an example is {{text, intent, source, oos}}.")


def _rounded(value: float | np.floating[Any]) -> float:
    return round(float(value), 4)
