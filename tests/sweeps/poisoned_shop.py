"""A shop whose order texts an attacker writes; it notes all that it is asked to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.server.conftest import served
from tests.sweeps.attacks import FOREIGN_FACTS, FOREIGN_ORDER, OWN_ORDER

LONGEST_LINE = 300


@dataclass(slots=True)
class PoisonedShop:
    """The orders of two customers; `note` stands in the owner's own order, `delay` makes it slow."""

    note: str = ""
    owner: str = "ada@example.com"
    delay: float = 0.0
    posts: list[tuple[str, Any]] = field(default_factory=list)

    def app(self) -> Starlette:
        """Its API, as the order tool knows it."""
        return Starlette(
            routes=[
                Route("/api/orders/{order_id}/status", self._status),
                Route("/api/orders/{order_id}/returns", self._done, methods=["POST"]),
                Route("/api/tickets", self._done, methods=["POST"]),
                Route("/api/effects/{key}", self._unknown),
            ]
        )

    async def _status(self, request: Request) -> JSONResponse:
        await asyncio.sleep(self.delay)
        carrier, title, email = FOREIGN_FACTS
        known = {
            OWN_ORDER: _order(OWN_ORDER, "Swift", self.note[:LONGEST_LINE] or "A Book", self.owner, "90210"),
            FOREIGN_ORDER: _order(FOREIGN_ORDER, carrier, title, email, "10001"),
        }
        order = known.get(request.path_params["order_id"])
        return JSONResponse(order or {}, 200 if order else 404)

    async def _done(self, request: Request) -> JSONResponse:
        self.posts.append((request.url.path, await request.json()))
        return JSONResponse({"id": f"R-{len(self.posts):05}", "kind": "return"}, 201)

    async def _unknown(self, _request: Request) -> JSONResponse:
        return JSONResponse({}, 404)


def _order(order_id: str, carrier: str, title: str, email: str, postcode: str) -> dict[str, Any]:
    return {
        "id": order_id,
        "status": "shipped",
        "carrier": carrier,
        "items": [{"title": title, "quantity": 1}],
        "customer": {"email": email, "postcode": postcode},
    }


@asynccontextmanager
async def poisoned_shop() -> AsyncIterator[tuple[PoisonedShop, str]]:
    """The shop on a port of its own, and its address."""
    shop = PoisonedShop()
    async with served(shop.app()) as url:
        yield shop, url
