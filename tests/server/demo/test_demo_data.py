"""The demo data holds the facts that the demo is known for, and agrees with the canned replies."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from prompts.intents import load_intents
from prompts.replies import LANGUAGES
from server.demo.data import load_books, load_customers, load_faqs, load_orders

# Which FAQ a canned reply must agree with.
SAME_FACTS = {
    "shipping": "shipping-time",
    "shipping_cost": "shipping-cost",
    "returns": "returns-policy",
    "refund_status": "refund-time",
    "gift_wrapping": "gift-wrapping",
    "store_hours_contact": "contact-hours",
    "damaged_item": "damaged-item",
    "account_password": "account-password",
}


def numbers(text: str) -> set[str]:
    return set(re.findall(r"\$?\d+(?:[.:-]\d+)*", text))


def test_books_are_many_distinct_and_priced() -> None:
    books = [book.product for book in load_books()]
    assert len(books) >= 60
    assert len({book.sku for book in books}) == len(books)
    assert len({book.title for book in books}) == len(books)
    assert all(re.fullmatch(r"\$\d+\.\d\d", book.price) for book in books)
    assert all(0 < book.rating <= 5 and book.authors and book.genres and book.description for book in books)


def test_there_is_something_to_recommend_and_something_sold_out() -> None:
    books = [book.product for book in load_books()]
    genres = Counter(genre for book in books if book.stock for genre in book.genres)
    assert genres["mystery"] >= 6
    assert any(book.stock == 0 for book in books)


def test_faqs_are_many_and_distinct() -> None:
    faqs = load_faqs()
    assert len(faqs) >= 40
    assert len({faq.id for faq in faqs}) == len({faq.question for faq in faqs}) == len(faqs)
    assert {faq.language for faq in faqs} <= set(LANGUAGES)


@pytest.mark.parametrize(("intent", "faq_id"), SAME_FACTS.items())
def test_faqs_and_canned_replies_name_the_same_figures(intent: str, faq_id: str) -> None:
    found = load_intents("bookshop").find(intent)
    assert found is not None
    answer = next(faq.answer for faq in load_faqs() if faq.id == faq_id)
    assert numbers(answer) == numbers(found.reply["en"])


@pytest.mark.parametrize("entry", load_intents("bookshop").intents, ids=lambda entry: entry.name)
def test_canned_replies_name_the_same_figures_in_every_language(entry: object) -> None:
    replies = [intent.reply for intent in load_intents("bookshop").intents if intent is entry]
    for reply in replies:
        assert len({frozenset(numbers(text)) for text in reply.values()}) <= 1


def test_known_orders() -> None:
    orders = load_orders()
    assert (orders["100234"].email, orders["100234"].postcode) == ("ada@example.com", "90210")
    assert orders["100234"].status == "shipped"
    assert orders["100235"].email != "ada@example.com"
    assert orders["100235"].status == "processing"
    assert len(orders) == sum(len(customer.orders) for customer in load_customers()) >= 14


def test_orders_hold_books_of_the_catalogue() -> None:
    titles = {book.product.title for book in load_books()}
    assert {title for order in load_orders().values() for title, _ in order.items} <= titles
