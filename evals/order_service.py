"""Answers as a shop's order service does, from a folder of orders and users in the schema of tau-bench."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from desk.tooling import HttpReply
from evals.data import Row, read_rows

ORDER = {"order_id": str, "user_id": str, "items": list, "status": str, "address": dict}
USER = {"user_id": str, "email": str, "address": dict, "name": dict}


@dataclass(frozen=True, slots=True)
class OrderBook:
    """Orders by number, and their customers by id."""

    orders: Mapping[str, Row]
    users: Mapping[str, Row]

    def of(self, user_id: str) -> list[Row]:
        """A customer's orders."""
        return [order for order in self.orders.values() if order["user_id"] == user_id]

    def customer(self, order: Row) -> Row:
        """Whose order it is."""
        return self.users[order["user_id"]]


def read_orders(path: Path) -> OrderBook:
    """The orders of `path` and the users of `users.jsonl` beside it; orders of nobody are left out."""
    users = {user["user_id"]: user for user in read_rows(path.with_name("users.jsonl"), USER)}
    rows = read_rows(path, ORDER)
    return OrderBook({row["order_id"]: row for row in rows if row["user_id"] in users}, users)


class OrderService:
    """The order service as the tools' HTTP client; there is no network in between."""

    def __init__(self, book: OrderBook) -> None:
        self._book = book

    async def get(self, url: str, *, headers: dict[str, str]) -> HttpReply:
        """An order's status, or the orders of the customer in X-Customer-Email."""
        if url.endswith("/api/orders"):
            email = headers.get("X-Customer-Email", "")
            mine = [
                order for order in self._book.orders.values() if self._book.customer(order)["email"] == email
            ]
            return HttpReply(200, {"orders": [self._told(order) for order in mine]})
        order = self._book.orders.get(unquote(url.split("/")[-2]))
        return HttpReply(200, self._told(order)) if order else HttpReply(404, None)

    async def post(self, url: str, *, headers: dict[str, str], json: dict[str, Any]) -> HttpReply:  # noqa: ARG002
        """Nothing can be changed here."""
        return HttpReply(405, None)

    def _told(self, order: Row) -> dict[str, Any]:
        customer = self._book.customer(order)
        return {
            "id": order["order_id"],
            "status": order["status"],
            "items": [
                {"title": title, "quantity": quantity} for title, quantity in counted(order["items"]).items()
            ],
            "customer": {"email": customer["email"], "postcode": order["address"].get("zip", "")},
        }


def counted(items: Sequence[Row]) -> dict[str, int]:
    """How many of each article, by its name."""
    found: dict[str, int] = {}
    for item in items:
        found[item["name"]] = found.get(item["name"], 0) + 1
    return found
