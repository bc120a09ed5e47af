"""The composition root: builds the engine from Settings; nothing opens at import."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from desk.domain import Principal, Tenant, TenantId
from desk.models.embeddings import Embedder, load_minilm
from desk.models.fallback import FallbackModel
from desk.models.providers import open_models
from desk.retrieval.hits import HitCounts
from desk.retrieval.products import CatalogueSearch
from desk.retrieval.search import FaqSearch
from desk.settings import Settings
from desk.storage import products
from desk.storage.pool import Database
from desk.storage.tenants import TenantDirectory
from desk.subjects.keys import KeyRing
from desk.subjects.master_keys import open_master_key
from desk.telemetry.traces import TraceExporter, open_traces

_TERMS_SECONDS = 60.0


@dataclass(slots=True)
class Engine:
    """Everything a turn stands on, opened once a process.

    `model` is None when none is configured, `traces` without a key for LangSmith.
    """

    settings: Settings
    database: Database
    keys: KeyRing
    tenants: TenantDirectory
    embedder: Embedder
    faqs: FaqSearch
    catalogue: CatalogueSearch
    model: FallbackModel | None
    hits: HitCounts
    traces: TraceExporter | None = None
    _terms: dict[TenantId, tuple[float, frozenset[str]]] = field(default_factory=dict)

    async def catalogue_terms(self, tenant: Tenant) -> frozenset[str]:
        """Titles and authors of the tenant's catalogue: words that are never taken for personal data."""
        cached = self._terms.get(tenant.id)
        if cached is not None and cached[0] > time.monotonic():
            return cached[1]
        async with self.database.tenant_tx(Principal(tenant.id, "worker")) as tx:
            terms = frozenset(await products.terms(tx))
        self._terms[tenant.id] = (time.monotonic() + _TERMS_SECONDS, terms)
        return terms


@asynccontextmanager
async def open_engine(
    settings: Settings, database_url: str, *, on_degraded: Callable[[str, str], None]
) -> AsyncIterator[Engine]:
    """The engine, open for the life of the context. Raises Misconfigured with what to do about it."""
    async with AsyncExitStack() as stack:
        database = Database(database_url, size=settings.database_pool_size)
        await database.open()
        stack.push_async_callback(database.close)
        master = await open_master_key(settings, database)
        embedder = load_minilm(settings.models_path)
        model = open_models(settings)
        if model is not None:
            stack.push_async_callback(model.aclose)
        traces = await asyncio.to_thread(open_traces, settings)
        if traces is not None:
            stack.push_async_callback(asyncio.to_thread, traces.close)
        yield Engine(
            settings=settings,
            database=database,
            keys=KeyRing(database, master),
            tenants=TenantDirectory(database),
            embedder=embedder,
            faqs=FaqSearch(database, embedder, on_degraded=on_degraded),
            catalogue=CatalogueSearch(database, embedder),
            model=model,
            hits=await stack.enter_async_context(HitCounts(database).written()),
            traces=traces,
        )
