"""An order is meant by its day only where the day is the order's."""

from __future__ import annotations

from datetime import date

import pytest

from tools.order_dates import Placed, placed_when

THURSDAY = date(2026, 11, 26)


def on(month: int, day: int, year: int = 2026) -> Placed:
    return Placed(date(year, month, day), date(year, month, day))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Where is my last order?", Placed()),
        ("what about the order I just placed", Placed()),
        ("my most recent purchase please", Placed()),
        ("Wo ist meine letzte Bestellung?", Placed()),
        ("où est ma dernière commande", Placed()),
        ("¿dónde está mi último pedido?", Placed()),
        ("dov'è il mio ultimo ordine", Placed()),
        ("waar is mijn laatste bestelling", Placed()),
        ("onde está a minha última encomenda", Placed()),
        ("the one from Tuesday", on(11, 24)),
        ("the one I ordered on Thursday", on(11, 26)),
        ("Friday\u2019s order", on(11, 20)),
        ("meine Bestellung vom Dienstag", on(11, 24)),
        ("el pedido del lunes", on(11, 23)),
        ("the order from yesterday", on(11, 25)),
        ("the order I placed today", on(11, 26)),
        ("the books I bought last week", Placed(date(2026, 11, 16), date(2026, 11, 22))),
        ("the order from 10 November", on(11, 10)),
        ("the one of December 24th", on(12, 24, 2025)),
        ("order from 2026-02-03", on(2, 3)),
    ],
)
def test_which_day(text: str, meant: Placed) -> None:
    assert placed_when(text, THURSDAY) == meant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Where is my order?",
        "Will it arrive on Tuesday?",
        "Can you deliver by Friday?",
        "The last page of my order was torn.",
        "an order of 31 February",
        "the order of 2026-13-40",
        "x" * 1000 + " my last order",
    ],
)
def test_nothing_of_the_kind(text: str) -> None:
    assert placed_when(text, THURSDAY) is None
