"""Loads the demo bookshop into the database: its tenant, FAQs and catalogue; what is there already stays."""

from __future__ import annotations

from desk.domain import Principal, Tenant, TenantSettings
from desk.retrieval.ingest import ingest
from desk.retrieval.products import ingest_products
from desk.storage import tenants
from desk.storage.faqs import FaqEntry
from desk.tooling import Product
from graphs.services import Services
from prompts.choice import PromptChoice
from server.demo.data import NAME, SLUG, load_books, load_faqs

# As the page "What is your return policy?" says.
RETURN_DAYS = 30
RETURN_EXCEPTIONS = ("e-book", "gift card")


async def load_demo(services: Services) -> Tenant:
    """The demo tenant, complete and ready to answer; quick when nothing changed since the last start."""
    engine = services.engine
    settings = TenantSettings(
        intent_pack="bookshop",
        self_registration=True,
        return_days=RETURN_DAYS,
        return_exceptions=RETURN_EXCEPTIONS,
    )
    async with engine.database.control_tx() as tx:
        tenant = await tenants.create(tx, SLUG, NAME, settings)
    loader = Principal(tenant.id, "worker")
    await ingest(engine.database, engine.embedder, loader, _faqs())
    await ingest_products(engine.database, engine.embedder, loader, _products())
    await services.understandings.of(tenant, PromptChoice())
    return tenant


def _faqs() -> list[FaqEntry]:
    return [
        FaqEntry(faq.id, faq.question, faq.answer, faq.category, faq.language, tuple(faq.aliases))
        for faq in load_faqs()
    ]


def _products() -> list[Product]:
    return [book.product for book in load_books()]
