"""An order goes back by the shop's policy, and where the policy does not say, the shop does."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from desk.domain import TenantSettings
from tools.orders import Order, OrderItem
from tools.return_policy import why_not

POLICY = TenantSettings(return_days=30, return_exceptions=("e-book", "Gift Card"))


def order(status: str = "delivered", delivered: str | None = "2026-11-01", *categories: str | None) -> Order:
    items = tuple(OrderItem(title="A", quantity=1, category=category) for category in categories)
    when = date.fromisoformat(delivered) if delivered else None
    return Order(id="7", status=status, delivered_on=when, items=items)


@pytest.mark.parametrize(
    ("one", "today", "key"),
    [
        (order(), date(2026, 11, 2), None),
        (order(), date(2026, 12, 1), None),
        (order(), date(2026, 12, 2), "return_too_late"),
        (order("delivered", "9999-12-31"), date(2026, 12, 2), None),
        (order("shipped", None), date(2027, 1, 1), None),
        (order("delivered", None), date(2027, 1, 1), None),
        (order("processing", None), date(2026, 11, 2), "return_not_yet"),
        (order("returned"), date(2026, 11, 2), "return_not_yet"),
        (order("delivered", "2026-11-01", "e-book", "gift card"), date(2026, 11, 2), "return_excepted"),
        (order("delivered", "2026-11-01", "e-book", "book"), date(2026, 11, 2), None),
        (order("delivered", "2026-11-01", None), date(2026, 11, 2), None),
    ],
)
def test_why_not(one: Order, today: date, key: str | None) -> None:
    said: Any = why_not(one, POLICY, today)
    assert (said and said.key) == key


def test_the_last_day_is_told() -> None:
    said = why_not(order(), POLICY, date(2027, 1, 1))
    assert said is not None
    assert said.values == {"id": "7", "days": "30", "date": "2026-12-01"}


def test_without_a_policy_the_shop_judges() -> None:
    assert why_not(order("delivered", "2020-01-01", "e-book"), TenantSettings(), date(2027, 1, 1)) is None
