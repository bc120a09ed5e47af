"""Trained routers: what was decided about a text is remembered for that text alone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from uuid import uuid4

import numpy as np

from desk.domain import Tenant, TenantId, TenantSettings
from desk.models.embeddings import CACHED_LENGTH, CACHED_TEXTS, MiniLM, Vectors
from desk.routing.router import Decision
from graphs.hearing.understandings import Understanding, Understandings
from prompts.choice import PromptChoice
from prompts.intents import load_intents
from tools import TOOLS

VECTOR: Vectors = np.zeros(384, dtype=np.float32)


@dataclass
class Asked:
    """A router that is asked, and says what it was asked."""

    texts: list[str] = field(default_factory=list)

    def route(self, text: str, _vector: Vectors) -> Decision:
        self.texts.append(text)
        return Decision(None, text, None, 0.5, 0.1)


def test_a_short_text_is_decided_once_and_a_long_one_each_time() -> None:
    asked = Asked()
    known = Understanding(load_intents("bookshop"), asked)  # type: ignore[arg-type]
    long = "x" * (CACHED_LENGTH + 1)
    said = [known.route(text, VECTOR).candidate for text in ("hi", "thanks", "hi", long, long)]
    assert said == ["hi", "thanks", "hi", long, long]
    assert asked.texts == ["hi", "thanks", long, long]
    assert "hi" not in str(list(known.decided)), "no customer's words stay"


def test_what_is_remembered_has_a_bound() -> None:
    known = Understanding(load_intents("bookshop"), Asked())  # type: ignore[arg-type]
    for number in range(CACHED_TEXTS + 10):
        known.route(str(number), VECTOR)
    assert len(known.decided) <= CACHED_TEXTS


async def test_customers_who_come_at_once_wait_for_one_training(embedder: MiniLM) -> None:
    tenant = Tenant(TenantId(uuid4()), "shop", "A shop", settings=TenantSettings(intent_pack="bookshop"))
    trained = Understandings(embedder, {tool.name: tool for tool in TOOLS})
    asked = await asyncio.gather(*(trained.of(tenant, PromptChoice()) for _ in range(8)))
    assert {id(one) for one in asked} == {id(asked[0])}
