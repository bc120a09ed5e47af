"""Loads the demo bookshop into the database: its tenant, FAQs and catalogue; what is there already stays."""

from __future__ import annotations

from desk.domain import Principal, Tenant, TenantSettings
from desk.retrieval.ingest import ingest
from desk.retrieval.products import ingest_products
from desk.storage import tenants
from desk.storage.faqs import FaqEntry
from desk.tooling import Product
from graphs.services import Services
from server.demo.data import NAME, SLUG, load_books, load_faqs


async def load_demo(services: Services) -> Tenant:
    """The demo tenant, complete and ready to answer; quick when nothing changed since the last start."""
    engine = services.engine
    async with engine.database.control_tx() as tx:
        tenant = await tenants.create(tx, SLUG, NAME, TenantSettings(intent_pack="bookshop"))
    loader = Principal(tenant.id, "worker")
    await ingest(engine.database, engine.embedder, loader, _faqs())
    await ingest_products(engine.database, engine.embedder, loader, _products())
    await services.understanding(tenant.settings.intent_pack)
    return tenant


def _faqs() -> list[FaqEntry]:
    return [FaqEntry(faq.id, faq.question, faq.answer, faq.category, faq.language) for faq in load_faqs()]


def _products() -> list[Product]:
    return [book.product for book in load_books()]
