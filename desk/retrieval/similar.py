"""Warns of a FAQ that says again what another one says, or says it otherwise."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from desk.domain import Principal
from desk.models.embeddings import Embedder
from desk.storage import found_faqs
from desk.storage.faqs import Faq, FaqEntry
from desk.storage.pool import Database

# Of FAQs in the evaluation data hardly any two different ones are so near.
NEAR = 0.85
_LOOKED_AT = 10
_FIGURE = re.compile(r"\d+(?:[.,:/-]\d+)*")


@dataclass(frozen=True, slots=True)
class Warned:
    """Another FAQ with much the same question; in a conflict the figures of the answers differ."""

    kind: Literal["duplicate", "conflict"]
    faq_id: str
    question: str
    score: float
    figures: tuple[str, ...] = ()


async def warn(database: Database, embedder: Embedder, principal: Principal, entry: FaqEntry) -> list[Warned]:
    """What speaks against the entry, the nearest first; a warning keeps nobody from writing it."""
    vector = (await embedder.embed([entry.question]))[0]
    around = await found_faqs.nearest(database, principal, vector, _LOOKED_AT, everything=True)
    others = [found.faq for found in around if found.faq.external_id != entry.external_id]
    if not others:
        return []
    # What is stored lies between a question and its answer; the question alone tells what is asked.
    likeness = await embedder.embed([other.question for other in others]) @ vector
    warned = [
        _warned(entry, other, float(score))
        for other, score in zip(others, likeness, strict=True)
        if score >= NEAR
    ]
    return sorted(warned, key=lambda one: -one.score)


def _warned(entry: FaqEntry, other: Faq, score: float) -> Warned:
    ours, theirs = set(_FIGURE.findall(entry.answer)), set(_FIGURE.findall(other.answer))
    differing = tuple(sorted(ours ^ theirs)) if ours and theirs else ()
    kind: Literal["duplicate", "conflict"] = "conflict" if differing else "duplicate"
    return Warned(kind, other.external_id, other.question, round(score, 3), differing)
