"""Builds the context a tool runs in, with services that answer from memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from desk.domain import Principal, Tenant, TenantId, new_id
from desk.tooling import HttpClient, Passage, Product, ToolContext
from tools.http import TenantHttp

TENANT = Tenant(TenantId(new_id()), "bookshop", "Bookshop")


@dataclass
class Knowledge:
    """Searches that answer with what they were given, and keep what they were asked."""

    passages: list[Passage] = field(default_factory=list)
    products: list[Product] = field(default_factory=list)
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    async def search(self, principal: Principal, query: str, *, limit: int) -> list[Passage]:
        self.asked.append((principal.tenant_id, query, limit))
        return self.passages[:limit]

    async def search_products(
        self,
        principal: Principal,
        query: str,
        *,
        genre: str | None,
        author: str | None,
        limit: int,
        price_to: float | None = None,
        rating_from: float | None = None,
    ) -> list[Product]:
        bounds = () if price_to is rating_from is None else (price_to, rating_from)
        self.asked.append((principal.tenant_id, query, genre, author, limit, *bounds))
        return self.products[:limit]


def tool_context(
    knowledge: Knowledge | None = None,
    *,
    http: HttpClient | None = None,
    shop_api_url: str | None = None,
    email: str | None = None,
    known_emails: tuple[str, ...] = (),
    known_postcodes: tuple[str, ...] = (),
) -> ToolContext:
    """A context for a customer of TENANT whose verified e-mail is `email`; by default it reaches no host."""
    knowledge = knowledge or Knowledge()
    return ToolContext(
        principal=Principal(TENANT.id, "user", email=email),
        tenant=TENANT,
        http=http or TenantHttp(()),
        search_knowledge=knowledge.search,
        search_products=knowledge.search_products,
        shop_api_url=shop_api_url,
        shop_api_key="service-key",
        known_emails=known_emails,
        known_postcodes=known_postcodes,
    )
