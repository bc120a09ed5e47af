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

# From here on a passage is given as the answer, word for word. Measured with all-MiniLM-L6-v2-int8 on FAQs of
# Bitext (27) and the CDC (108) as one tenant and queries never seen: 0.67 and 0.92 of them are answered, 0.89
# and 0.76 of these with the very FAQ; of unrelated queries (CLINC150, HWU64; 600 of each kind) at most 0.022
# are. At 0.45: 0.77 and 0.96, 0.86 and 0.75, 0.057. At 0.60: 0.46 and 0.84, 0.92 and 0.78, 0.005.
# A FAQ's own question, word for word, scores 0.72 to 1, because a FAQ's vector holds its answer too.
DEFAULT_THRESHOLD = 0.5

# A share of words is no cosine: this makes a share of 0.6 reach the threshold. Measured on the same FAQs:
# with such a share, 1.0 (Bitext, 0.01 of its queries) and 0.73 (CDC, 0.18) find the very FAQ, and 0.005 of
# unrelated queries reach it.
WORDS_WORTH = DEFAULT_THRESHOLD / 0.6

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
                return Found(_passages(await faqs.nearest(tx, vector, limit), worth=1.0))
        except Unavailable:
            raise
        except Exception as error:
            _log.warning("The search by vectors failed: %s.", type(error).__name__)
        self._on_degraded("vector search", "text search")
        async with self._database.tenant_tx(principal) as tx:
            found = await faqs.matching_words(tx, query, limit)
        return Found(_passages(found, worth=WORDS_WORTH), degraded=True)


def _passages(found: list[FoundFaq], *, worth: float) -> list[Passage]:
    return [
        Passage(
            source_id=hit.faq.external_id,
            kind="faq",
            version=hit.faq.version,
            title=hit.faq.question,
            text=hit.faq.answer,
            language=hit.faq.language,
            score=hit.score * worth,
        )
        for hit in found
    ]
