"""Decides which of a tenant's intents a message has, or that it has none, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desk.errors import InvalidInput
from desk.routing.calibration import Calibration, fit_calibration
from desk.routing.classifier import Classifier, Evidence, Fitted, fit_classifier

Matrix = NDArray[np.float32]

MAX_EXAMPLES = 20_000
ACCEPT_FROM = 0.5
NEAREST = 3
# With fewer examples out of scope than this, stand-ins join them, as this share of all messages.
ENOUGH_OUT_OF_SCOPE = 50
ASSUMED_OUT_OF_SCOPE = 0.3


@dataclass(frozen=True, slots=True)
class Example:
    """A text with its intent; None is a text that has none of the intents."""

    text: str
    intent: str | None


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An example near the message; `similarity` is the cosine, -1 to 1."""

    text: str
    intent: str | None
    similarity: float


@dataclass(frozen=True, slots=True)
class Decision:
    """The best intent is `candidate`, right with probability `confidence`; `intent` is None out of scope."""

    intent: str | None
    candidate: str
    runner_up: str | None
    confidence: float
    nearest: tuple[Neighbour, ...]


@dataclass(frozen=True, slots=True)
class Router:
    """A fitted router; it is never changed, so any number of threads may use it."""

    examples: tuple[Example, ...]
    intents: tuple[str, ...]
    classifier: Classifier
    calibration: Calibration

    @classmethod
    def fit(cls, examples: Sequence[Example], vectors: Matrix) -> Router:
        """Learns from examples and their vectors (n, d) of length 1; CPU-bound, about 10 s for 10,000.

        Raises InvalidInput when no example has an intent, or there are more than 20,000.
        """
        intents = tuple(sorted({example.intent for example in examples if example.intent is not None}))
        if not intents or len(examples) > MAX_EXAMPLES:
            raise InvalidInput(
                f"A router needs 1 to {MAX_EXAMPLES} examples and at least one intent; "
                f"it was given {len(examples)} examples of {len(intents)} intents."
            )
        place = {intent: index for index, intent in enumerate(intents)}
        labels = np.array([-1 if e.intent is None else place[e.intent] for e in examples], dtype=np.int64)
        texts = [example.text for example in examples]
        fitted = fit_classifier(
            texts, vectors, labels, foreign=bool((labels < 0).sum() < ENOUGH_OUT_OF_SCOPE)
        )
        return cls(tuple(examples), intents, fitted.classifier, _calibrate(fitted, labels))

    def route(self, text: str, vector: Matrix) -> Decision:
        """The decision for one text and its vector (d,) of length 1; well under 5 ms, no I/O."""
        evidence, cosines = self.classifier.judge(text, vector)
        _, features = _choose(evidence)
        confidence = self.calibration.probability(*(float(feature) for feature in features[0]))
        best = [self.intents[place] for place in np.argsort(-evidence.scores[0], kind="stable")[:2]]
        return Decision(
            intent=best[0] if confidence >= ACCEPT_FROM else None,
            candidate=best[0],
            runner_up=best[1] if len(best) > 1 else None,
            confidence=confidence,
            nearest=self._neighbours(cosines),
        )

    def _neighbours(self, cosines: Matrix) -> tuple[Neighbour, ...]:
        count = min(NEAREST, len(cosines))
        places = np.argpartition(-cosines, count - 1)[:count]
        places = places[np.argsort(-cosines[places], kind="stable")]
        found = ((self.examples[int(place)], float(cosines[place])) for place in places)
        return tuple(Neighbour(example.text, example.intent, cosine) for example, cosine in found)


def _calibrate(fitted: Fitted, labels: NDArray[np.int64]) -> Calibration:
    chosen, features = _choose(fitted.unseen)
    right = chosen == labels
    if fitted.foreign is None:
        return fit_calibration(features, right, np.ones(len(labels)))
    # Two stand-ins for what is out of scope: texts of an intent that is taken away (near), and the
    # evidence that examples give to a middling wrong intent (far).
    _, near = _choose(fitted.foreign)
    far = _features(
        np.quantile(fitted.foreign.scores, 0.75, axis=1),
        np.quantile(fitted.foreign.nearest, 0.75, axis=1),
        fitted.foreign.outside,
    )
    stand_ins = np.concatenate([near, far])
    odds = ASSUMED_OUT_OF_SCOPE / (1 - ASSUMED_OUT_OF_SCOPE)
    weight = odds * len(labels) / len(stand_ins)
    return fit_calibration(
        np.concatenate([features, stand_ins]),
        np.concatenate([right, np.zeros(len(stand_ins), dtype=np.bool_)]),
        np.repeat([1.0, weight], [len(labels), len(stand_ins)]),
    )


def _choose(evidence: Evidence) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The best intent of each row (n,), and the features of its confidence (n, 2)."""
    chosen = evidence.scores.argmax(axis=1)
    rows = np.arange(len(chosen))
    return chosen, _features(evidence.scores[rows, chosen], evidence.nearest[rows, chosen], evidence.outside)


def _features(
    score: NDArray[np.floating[Any]], nearest: NDArray[np.floating[Any]], outside: NDArray[np.floating[Any]]
) -> NDArray[np.float64]:
    """The score, and how much nearer an example of the intent is than one out of scope; none counts as 0."""
    lead = np.maximum(nearest, 0) - outside
    return np.column_stack([np.maximum(score, 0), lead]).astype(np.float64)
