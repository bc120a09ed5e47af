"""Order numbers are found in every spelling, and nothing else is taken for one."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.errors import Misconfigured
from tools.order_numbers import find_order_numbers

SIX = (r"\d{6}",)
HASH_W = (r"#W\d{7}",)

FOUND = [
    ("where is order 100234", ["100234"]),
    ("Where is my order 100234?", ["100234"]),
    ("#100234", ["100234"]),
    ("# 100234", ["100234"]),
    ("order #100234", ["100234"]),
    ("order#100234", ["100234"]),
    ("order100234", ["100234"]),
    ("Order no 100 234", ["100234"]),
    ("order no. 100 234 please", ["100234"]),
    ("order nr.100234", ["100234"]),
    ("100-234", ["100234"]),
    ("it's 100-234", ["100234"]),
    ("my order is 100–234, when will it arrive at my house", ["100234"]),
    ("100234", ["100234"]),
    ("100234.", ["100234"]),
    ("(100234)", ["100234"]),
    ('"100234"', ["100234"]),
    ("status of 100234 pls", ["100234"]),
    ("order: 100234", ["100234"]),
    ("order=100234", ["100234"]),
    ("ORDER_100234", ["100234"]),
    ("order 1 0 0 2 3 4", ["100234"]),
    ("order 10 02 34", ["100234"]),
    ("Bestellung 100.234", ["100234"]),
    ("Bestellnummer: 100234", ["100234"]),
    ("meine Bestell-Nr. 100234 fehlt", ["100234"]),
    ("ma commande nº 100234", ["100234"]),
    ("mi pedido 100234", ["100234"]),
    ("il mio ordine 100234", ["100234"]),
    ("a encomenda 100234", ["100234"]),
    ("waar is bestelling 100234", ["100234"]),
    ("orders 100234 and 100235", ["100234", "100235"]),
    ("orders 100234,100235", ["100234", "100235"]),
    ("100234 100235", ["100234", "100235"]),
    ("100234, again: 100234", ["100234"]),
    ("100234 90210", ["100234"]),
    ("90210 100234", ["100234"]),
    ("order 100234, zip 90210", ["100234"]),
    ("100234 ada@example.com", ["100234"]),
    ("my zip is 560001 and the order is 100234", ["100234"]),
    ("my phone is 555123, my order 100234", ["100234"]),
    ("Where is my order? 100 234", ["100234"]),
    ("order 100234 2 copies of Dune", ["100234"]),
    ("100234 is my order number", ["100234"]),
    ("I paid $49.99 for order 100234 on 2025-11-03", ["100234"]),
    ("order １００２３４", ["100234"]),
    ("order 100\u200b234", ["100234"]),
    ("order ١٠٠٢٣٤", ["100234"]),
    ("tell me about 100234's delivery", ["100234"]),
    ("call me on +1 555 123 4567 about order 100234", ["100234"]),
]

NOT_FOUND = [
    "",
    "where is my order?",
    "order 12345",
    "order 1002345",
    "x100234",
    "100234abc",
    "my phone number is 555123",
    "call +49 30 123456",
    "tel. 030 123456",
    "(030) 123456",
    "555-123456",
    "my cell: 123456",
    "it costs $100234",
    "100234 dollars",
    "100234 €",
    "I have 100234 books",
    "100234.50 is too much",
    "zip code 560001",
    "560001 is my postcode",
    "PLZ 100234",
    "invoice 100234",
    "tracking number 100234",
    "my customer number is 100234",
    "verification code 123456",
    "gift card 100234",
    "ISBN 123456",
    "user100234@example.com",
    "see https://shop.example/orders/100234/x",
    "3782 822463 10005",
    "pages 100-234 are missing from my copy of the book",
    "between 100 and 234",
    "we need 100 200 copies or so for the whole school district",
    "100-234-567",
    "order 100 234 567",
    "on 10.02.34 I bought it",
    "2025-11-03",
]


@pytest.mark.parametrize(("text", "numbers"), FOUND)
def test_spellings(text: str, numbers: list[str]) -> None:
    assert find_order_numbers(text, SIX) == numbers


@pytest.mark.parametrize("text", NOT_FOUND)
def test_other_numbers_are_left_alone(text: str) -> None:
    assert find_order_numbers(text, SIX) == []


@pytest.mark.parametrize(
    ("text", "patterns", "numbers"),
    [
        ("order #W1234567", HASH_W, ["#W1234567"]),
        ("order w1234567", HASH_W, ["#W1234567"]),
        ("my order is W 1234567", HASH_W, ["#W1234567"]),
        ("#w-1234567", HASH_W, ["#W1234567"]),
        ("W123456", HASH_W, []),
        ("ord-12345", (r"ORD-\d{5}",), ["ORD-12345"]),
        ("order ORD12345", (r"ORD-\d{5}",), ["ORD-12345"]),
        ("order 123-1234567-7654321", (r"\d{3}-\d{7}-\d{7}",), ["123-1234567-7654321"]),
        ("order 123 1234567 7654321", (r"\d{3}-\d{7}-\d{7}",), ["123-1234567-7654321"]),
        ("order AB1234 placed in 2019", (r"[A-Z]{2}\d{4}",), ["AB1234"]),
        ("order 2019", (r"\d{4}",), ["2019"]),
        ("I ordered it in 2019", (r"\d{4}",), []),
        ("a customer since 2019", (r"\d{4}",), []),
        ("bought on 2025-11-03", (r"\d{8}",), []),
        ("100234 and #W1234567", SIX + HASH_W, ["100234", "#W1234567"]),
        ("order 100234", (), []),
    ],
)
def test_tenants_have_their_own_patterns(text: str, patterns: tuple[str, ...], numbers: list[str]) -> None:
    assert find_order_numbers(text, patterns) == numbers


def test_a_bad_pattern_is_a_setting_to_mend() -> None:
    with pytest.raises(Misconfigured, match="not a regular expression"):
        find_order_numbers("order 1", (r"(\d{6}",))


@given(st.text(max_size=300))
def test_whatever_is_found_fits_the_pattern(text: str) -> None:
    numbers = find_order_numbers(text, SIX)
    assert all(len(number) == 6 and number.isascii() and number.isdecimal() for number in numbers)
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("piece", ["1 ", "order 100234 ", "+1 ", "a@", "1.", "((1", "www.", "1-"])
def test_hostile_text_is_read_quickly(piece: str) -> None:
    started = time.perf_counter()
    find_order_numbers(piece * (16_000 // len(piece)), SIX)
    assert time.perf_counter() - started < 0.5
