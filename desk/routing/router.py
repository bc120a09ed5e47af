"""Decides which of a tenant's intents a message has, or that it has none, and how sure that is."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desk.errors import InvalidInput
from desk.routing.calibration import Calibration, fit_calibration
from desk.routing.classifier import Classifier, Evidence, Fitted, fit_classifier
from desk.routing.promise import Proof
from desk.routing.spelling import Spelling

Matrix = NDArray[np.float32]

MAX_EXAMPLES = 20_000
ACCEPT_FROM = 0.5
NEAREST = 3
# With fewer examples out of scope than this, stand-ins join them, as this share of all messages.
ENOUGH_OUT_OF_SCOPE = 50
ASSUMED_OUT_OF_SCOPE = 0.3
# Into so many parts the examples fall, so that no confidence of the proof is of a curve that saw its row.
PARTS = 5


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
class Rival:
    """An intent that a message might have: its score, and the similarity of its nearest example."""

    intent: str
    score: float
    similarity: float


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why a decision is what it is: its nearest examples and the intents by score, three of each, best first.

    `outside` is the similarity of the nearest example that belongs to no intent, at least 0.
    """

    nearest: tuple[Neighbour, ...]
    rivals: tuple[Rival, ...]
    outside: float


@dataclass(frozen=True, slots=True)
class Decision:
    """The best intent is `candidate`, right with probability `confidence`; `intent` is None out of scope.

    Its score is `margin` above that of the `runner_up`, or above 0 where there is no other intent.
    """

    intent: str | None
    candidate: str
    runner_up: str | None
    confidence: float
    margin: float


@dataclass(frozen=True, slots=True)
class Router:
    """A fitted router; it is never changed, so any number of threads may use it.

    `proof` is what it would have made of its own examples unseen: thresholds that keep a promise stand on it.
    `spelled` reads a message without its misspelled words, which is then embedded and decided on.
    """

    examples: tuple[Example, ...]
    intents: tuple[str, ...]
    classifier: Classifier
    calibration: Calibration
    proof: Proof
    spelled: Spelling

    @classmethod
    def fit(cls, examples: Sequence[Example], vectors: Matrix, known: Container[str] = ()) -> Router:
        """Learns from examples and their vectors (n, d) of length 1; CPU-bound, about 10 s for 10,000.

        Words that are `known` are never taken for misspelled. Raises InvalidInput when no example has an
        intent, or there are more than 20,000.
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
        everything = np.ones(len(labels), dtype=np.bool_)
        calibration = _calibrate(fitted, labels, everything)
        proof, spelled = _prove(fitted, labels), Spelling(texts, known)
        return cls(tuple(examples), intents, fitted.classifier, calibration, proof, spelled)

    def route(self, text: str, vector: Matrix) -> Decision:
        """The decision for one text and its vector (d,) of length 1; well under 5 ms, no I/O.

        Both are of the text as `spelled` reads it.
        """
        scores, cosines = self.classifier.score(text, vector)
        best = int(scores.argmax())
        score, grouped = scores[best], self.classifier.grouped
        near, outside = cosines[grouped.of(best)].max(), cosines[grouped.outside].max(initial=0)
        # As `_features` has it, without the arrays: this is asked for every message.
        confidence = self.calibration.probability(float(max(score, 0)), float(max(near, 0) - outside))
        second = _second(scores, best)
        return Decision(
            intent=self.intents[best] if confidence >= ACCEPT_FROM else None,
            candidate=self.intents[best],
            runner_up=None if second is None else self.intents[second],
            confidence=confidence,
            margin=float(score) if second is None else float(score - scores[second]),
        )

    def explain(self, text: str, vector: Matrix) -> Reasons:
        """Why `route` decides as it does; for who looks at it, as it costs as much again."""
        evidence = self.classifier.judge(text, vector)
        scores, similarity = evidence.scores[0], evidence.nearest[0]
        best = np.argsort(-scores, kind="stable")[:NEAREST]
        rivals = (Rival(self.intents[at], float(scores[at]), float(similarity[at])) for at in best)
        return Reasons(self.nearest(vector), tuple(rivals), float(evidence.outside[0]))

    def example_of(self, intent: str, vector: Matrix) -> str:
        """The example of an intent that is nearest to a vector (d,) of length 1: how others ask for it."""
        places = self.classifier.grouped.of(self.intents.index(intent))
        return self.examples[int(places[(self.classifier.vectors[places] @ vector).argmax()])].text

    def nearest(self, vector: Matrix) -> tuple[Neighbour, ...]:
        """The three examples nearest to a vector (d,) of length 1, the nearest first: why it decided so."""
        cosines = self.classifier.vectors @ vector
        count = min(NEAREST, len(cosines))
        places = np.argpartition(-cosines, count - 1)[:count]
        places = places[np.argsort(-cosines[places], kind="stable")]
        found = ((self.examples[int(place)], float(cosines[place])) for place in places)
        return tuple(Neighbour(example.text, example.intent, cosine) for example, cosine in found)


def _second(scores: Matrix, best: int) -> int | None:
    if len(scores) < 2:
        return None
    others = scores.copy()
    others[best] = -np.inf
    return int(others.argmax())


def _prove(fitted: Fitted, labels: NDArray[np.int64]) -> Proof:
    """Each example's score without the example, and its confidence by a curve fitted on the other parts."""
    chosen, features = _choose(fitted.unseen)
    parts = np.arange(len(labels)) % PARTS
    confidence = np.empty(len(labels))
    for part in np.unique(parts):
        apart = (
            _calibrate(fitted, labels, parts != part) if len(labels) > PARTS else Calibration(0.0, (0.0, 0.0))
        )
        confidence[parts == part] = apart.probabilities(features[parts == part])
    return Proof(confidence, chosen == labels)


def _calibrate(fitted: Fitted, labels: NDArray[np.int64], used: NDArray[np.bool_]) -> Calibration:
    """The curve from features to the chance of being right, fitted on the examples `used` (n,)."""
    chosen, features = _choose(fitted.unseen)
    right = (chosen == labels)[used]
    if fitted.foreign is None:
        return fit_calibration(features[used], right, np.ones(len(right)))
    # Two stand-ins for what is out of scope: texts of an intent that is taken away (near), and the
    # evidence that examples give to a middling wrong intent (far).
    _, near = _choose(fitted.foreign)
    far = _features(
        np.quantile(fitted.foreign.scores, 0.75, axis=1),
        np.quantile(fitted.foreign.nearest, 0.75, axis=1),
        fitted.foreign.outside,
    )
    inside = used[labels >= 0]
    stand_ins = np.concatenate([near[inside], far[inside]])
    if not len(stand_ins):
        return fit_calibration(features[used], right, np.ones(len(right)))
    odds = ASSUMED_OUT_OF_SCOPE / (1 - ASSUMED_OUT_OF_SCOPE)
    weight = odds * len(right) / len(stand_ins)
    return fit_calibration(
        np.concatenate([features[used], stand_ins]),
        np.concatenate([right, np.zeros(len(stand_ins), dtype=np.bool_)]),
        np.repeat([1.0, weight], [len(right), len(stand_ins)]),
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
