"""Loads the demo bookshop's books, FAQs, customers and orders from the files beside this module."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from desk.tooling import Product

SLUG = "bookshop"
NAME = "Marginalia Books"
FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class DemoBook:
    """A book of the catalogue and the year it first came out."""

    product: Product
    year: int


@dataclass(frozen=True, slots=True)
class DemoFaq:
    """A question and its answer; `id` is stable and unique within the shop. `aliases` ask the same."""

    id: str
    question: str
    answer: str
    category: str
    language: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DemoOrder:
    """An order; dates are ISO strings."""

    id: str
    status: str
    placed_on: str
    shipped_on: str | None
    eta: str | None
    carrier: str | None
    items: tuple[tuple[str, int], ...]
    email: str
    postcode: str

    def body(self) -> dict[str, Any]:
        """The order as the shop API tells it."""
        return {
            "id": self.id,
            "status": self.status,
            "placed_on": self.placed_on,
            "shipped_on": self.shipped_on,
            "eta": self.eta,
            "delivered_on": self.eta if self.status == "delivered" else None,
            "carrier": self.carrier,
            "items": [{"title": title, "quantity": quantity} for title, quantity in self.items],
            "customer": {"email": self.email, "postcode": self.postcode},
        }


@dataclass(frozen=True, slots=True)
class DemoCustomer:
    """Somebody who ordered."""

    name: str
    email: str
    postcode: str
    orders: tuple[DemoOrder, ...]


@lru_cache(maxsize=1)
def load_books() -> tuple[DemoBook, ...]:
    """The catalogue, sold-out titles included."""
    return tuple(_book(row) for row in _rows("books.jsonl"))


@lru_cache(maxsize=1)
def load_faqs() -> tuple[DemoFaq, ...]:
    """The FAQs, most in English."""
    return tuple(DemoFaq(**row) for row in _rows("faqs.jsonl"))


@lru_cache(maxsize=1)
def load_customers() -> tuple[DemoCustomer, ...]:
    """The customers with their orders."""
    rows = json.loads((FOLDER / "customers.json").read_text(encoding="utf-8"))
    return tuple(_customer(row) for row in rows)


@lru_cache(maxsize=1)
def load_orders() -> dict[str, DemoOrder]:
    """Every customer's orders by number."""
    return {order.id: order for customer in load_customers() for order in customer.orders}


def _rows(file: str) -> Iterator[dict[str, Any]]:
    with (FOLDER / file).open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _book(row: dict[str, Any]) -> DemoBook:
    year = row.pop("year")
    authors, genres = tuple(row.pop("authors")), tuple(row.pop("genres"))
    return DemoBook(Product(**row, authors=authors, genres=genres), year)


def _customer(row: dict[str, Any]) -> DemoCustomer:
    contact = {"email": row["email"], "postcode": row["postcode"]}
    orders = tuple(_order(order | contact) for order in row["orders"])
    return DemoCustomer(row["name"], row["email"], row["postcode"], orders)


def _order(row: dict[str, Any]) -> DemoOrder:
    items = tuple((item["title"], item["quantity"]) for item in row["items"])
    return DemoOrder(**(row | {"items": items}))
