"""Finds passages in a tenant's FAQs: by meaning and words, and by words alone when meaning cannot be had."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desk.domain import Principal
from desk.errors import Unavailable
from desk.models.embeddings import Embedder
from desk.retrieval.lean import lean
from desk.retrieval.queries import follows_up, sentences
from desk.storage import found_faqs
from desk.storage.found_faqs import FoundFaq
from desk.storage.pool import Database
from desk.tooling import Passage

# What the share of a query's words is worth beside its cosine. Measured (docs/understanding.md): documents
# with many words gain much, the short FAQs of three sources lose less than a point of recall.
WORDS_WEIGHT = 0.15

# From this joined score on a passage is the answer, word for word; docs/understanding.md has the curve.
# A FAQ's own question, word for word, scores 0.75 to 1, because a FAQ's vector holds its answer too.
DEFAULT_THRESHOLD = 0.44

# A share of words is no cosine: this makes a share of 0.6 reach the threshold.
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
    """Search in the FAQs of the principal's tenant, and in no other's; finds only what is shown now."""

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
        self,
        principal: Principal,
        query: str,
        vector: NDArray[np.float32] | None = None,
        *,
        limit: int,
        before: str = "",
    ) -> list[Passage]:
        """As a call, with the query's vector if the caller has it already, and what was asked before."""
        return (await self.find(principal, query, vector, limit=limit, before=before)).passages

    async def find(
        self,
        principal: Principal,
        query: str,
        vector: NDArray[np.float32] | None = None,
        *,
        limit: int,
        before: str = "",
    ) -> Found:
        """As `search`, and says whether it had to do with words alone.

        A short query is also asked together with the question `before` it, and the better of both stands.
        """
        try:
            alone = await self._nearest(principal, query, vector, limit)
            if follows_up(query, before):
                return Found(await self._in_context(principal, query, before, alone, limit))
            return Found(alone)
        except Unavailable:
            raise
        except Exception as error:
            _log.warning("The search by vectors failed: %s.", type(error).__name__)
        self._on_degraded("vector search", "text search")
        async with self._database.tenant_tx(principal) as tx:
            found = await found_faqs.matching_words(tx, query, limit)
        return Found([_passage(hit, hit.share * WORDS_WORTH) for hit in found], degraded=True)

    async def _nearest(
        self, principal: Principal, query: str, vector: NDArray[np.float32] | None, limit: int
    ) -> list[Passage]:
        parts = sentences(query)
        vectors = await self._embedder.embed(parts) if vector is None or len(parts) > 1 else vector
        asked = np.atleast_2d(vectors)
        if len(asked) == 1:  # the sentences of a long text say more than what is wanted
            asked = lean(asked, self._embedder.name)
        found = await found_faqs.nearest(
            self._database, principal, asked, limit, words=query, worth=WORDS_WEIGHT
        )
        return [_passage(hit, (hit.cosine + WORDS_WEIGHT * hit.share) / (1 + WORDS_WEIGHT)) for hit in found]

    async def _in_context(
        self, principal: Principal, query: str, before: str, alone: list[Passage], limit: int
    ) -> list[Passage]:
        """What both together find, if it is better than the query alone and not what was found before."""
        together = await self._nearest(principal, f"{before} {query}", None, limit)
        if not together or together[0].score <= alone[0].score:
            return alone
        earlier = await self._nearest(principal, before, None, limit)
        # A message that says nothing leaves the old question alone in the sum: it would be answered again.
        old = next((one.score for one in earlier if one.source_id == together[0].source_id), 0.0)
        return together if together[0].score > old else alone


def _passage(hit: FoundFaq, score: float) -> Passage:
    return Passage(
        source_id=hit.faq.external_id,
        kind="faq",
        version=hit.faq.version,
        title=hit.faq.question,
        text=hit.faq.answer,
        language=hit.faq.language,
        score=score,
    )
