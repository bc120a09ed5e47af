"""A customer's orders are listed to who is vouched for, newest first, and nobody else's among them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from desk.errors import ToolUnavailable
from tests.tools.contexts import tool_context
from tests.tools.local_server import LocalServer, json_answer, serving
from tools.http import TenantHttp
from tools.orders import Order, own_orders

GRACE = {"email": "Grace@example.com", "postcode": "10001"}


def order(number: str, placed_on: str | None, customer: dict[str, str]) -> dict[str, Any]:
    return {"id": number, "status": "shipped", "placed_on": placed_on, "customer": customer}


LISTED = {
    "orders": [
        order("1", "2026-11-01", GRACE),
        order("2", None, GRACE),
        order("3", "2026-11-20", GRACE),
        order("4", "2026-11-21", {"email": "ada@example.com"}),
        order("5", "2026-11-22", {}),
    ]
}


@pytest.fixture
async def shop() -> AsyncIterator[LocalServer]:
    async with serving({"/api/orders": json_answer(LISTED)}) as server:
        yield server


async def ask(shop: LocalServer, **known: Any) -> list[Order] | None:
    async with TenantHttp([shop.origin]) as http:
        return await own_orders(tool_context(http=http, shop_api_url=shop.url(), **known))


async def test_newest_first_and_of_nobody_else(shop: LocalServer) -> None:
    found = await ask(shop, email="grace@example.com")
    assert found is not None
    assert [one.id for one in found] == ["3", "1", "2"]
    (heard,) = shop.heard
    assert b"x-customer-email: grace@example.com" in heard.lower()
    assert b"grace" not in heard.split(b"\r\n")[0], "no address stands where servers log it"


@pytest.mark.parametrize(
    "known", [{}, {"known_emails": ("grace@example.com",)}, {"known_postcodes": ("10001",)}]
)
async def test_what_somebody_wrote_lists_nothing(shop: LocalServer, known: dict[str, Any]) -> None:
    assert await ask(shop, **known) is None
    assert shop.heard == []


@pytest.mark.parametrize("status", [404, 405])
async def test_a_shop_that_lists_no_orders_is_no_failure(shop: LocalServer, status: int) -> None:
    shop.answers["/api/orders"] = json_answer({}, status)
    assert await ask(shop, email="grace@example.com") is None


@pytest.mark.parametrize("broken", [json_answer({}, 500), json_answer({"orders": [{"id": 1}]}), b"nonsense"])
async def test_nonsense_is_told_as_unavailable(shop: LocalServer, broken: bytes) -> None:
    shop.answers["/api/orders"] = broken
    with pytest.raises(ToolUnavailable):
        await ask(shop, email="grace@example.com")
