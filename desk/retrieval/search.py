"""Finds passages in a tenant's FAQs: by meaning, and by words alone when meaning cannot be had."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desk.domain import Principal
from desk.errors import Unavailable
from desk.models.embeddings import Embedder
from desk.storage import faqs
from desk.storage.faqs import FoundFaq
from desk.storage.pool import Database
from desk.tooling import Passage

DEFAULT_THRESHOLD = 0.6

_log = logging.getLogger(__name__)


def log_degraded(what: str, instead: str) -> None:
    """The default `on_degraded`: say in the log what is missing and what is done instead."""
    _log.warning("%s is away; instead: %s", what, instead)


@dataclass(frozen=True, slots=True)
class Found:
    """Passages, best first; `degraded` says that words were matched because vectors could not be had."""

    passages: list[Passage]
    degraded: bool = False


class FaqSearch:
    """Search in the FAQs of the principal's tenant, and in no other's."""

    def __init__(
        self,
        database: Database,
        embedder: Embedder,
        *,
        on_degraded: Callable[[str, str], None] = log_degraded,
    ) -> None:
        self._database = database
        self._embedder = embedder
        self._on_degraded = on_degraded

    async def __call__(self, principal: Principal, query: str, *, limit: int) -> list[Passage]:
        """At most `limit` passages, best first; raises Unavailable when the database is away."""
        return (await self.find(principal, query, limit=limit)).passages

    async def search(
        self, principal: Principal, query: str, vector: NDArray[np.float32] | None = None, *, limit: int
    ) -> list[Passage]:
        """As a call, with the query's vector if the caller has it already."""
        return (await self.find(principal, query, vector, limit=limit)).passages

    async def find(
        self, principal: Principal, query: str, vector: NDArray[np.float32] | None = None, *, limit: int
    ) -> Found:
        """As `search`, and says whether it had to do with words alone."""
        try:
            if vector is None:
                vector = (await self._embedder.embed([query]))[0]
            async with self._database.tenant_tx(principal) as tx:
                return Found(_passages(await faqs.nearest(tx, vector, limit)))
        except Unavailable:
            raise
        except Exception as error:
            _log.warning("The search by vectors failed: %s.", type(error).__name__)
        self._on_degraded("vector search", "text search")
        async with self._database.tenant_tx(principal) as tx:
            return Found(_passages(await faqs.matching_words(tx, query, limit)), degraded=True)


def _passages(found: list[FoundFaq]) -> list[Passage]:
    return [
        Passage(
            source_id=hit.faq.external_id,
            kind="faq",
            version=hit.faq.version,
            title=hit.faq.question,
            text=hit.faq.answer,
            language=hit.faq.language,
            score=hit.score,
        )
        for hit in found
    ]
