"""Each scorer tells right from wrong, and says nothing where nothing is asked."""

from __future__ import annotations

from typing import Any

import pytest

from evals.scorers import SCORERS
from evals.scorers.observed import Expected, Observed

QUOTE = {
    "source_id": "shipping-time",
    "title": "How long does shipping take?",
    "quote": "Standard 5-7 business days, $4.95, write to help@shop.example.",
}


def observed(
    text: str = "Standard takes 5-7 business days.", tools: tuple[str, ...] = (), **reply: Any
) -> Observed:
    """A reply of the faq route."""
    kept: dict[str, Any] = {"text": text, "route": "faq", "intent": "shipping", "language": "en"}
    kept |= {"citations": [QUOTE], "actions": [], "suggestions": []}
    return Observed({**kept, **reply}, text, tools)


@pytest.mark.parametrize(
    ("scorer", "expected", "found", "verdict"),
    [
        ("route", Expected(routes=("canned", "faq")), observed(), True),
        ("route", Expected(routes=("canned",)), observed(), False),
        ("route", Expected(routes=("faq",), intent="returns"), observed(), False),
        ("route", Expected(intent="returns"), observed(), None),
        ("facts", Expected(facts=(("5-7",),)), observed("takes 5–7 days"), True),
        ("facts", Expected(facts=(("5-7",), ("$35", "35 dollars"))), observed("5-7, from 35 DOLLARS"), True),
        ("facts", Expected(facts=(("5-7",), ("$35",))), observed("5-7 days"), False),
        ("facts", Expected(), observed(), None),
        ("citations", Expected(citations=("shipping-time", "other")), observed(), True),
        ("citations", Expected(citations=("other",)), observed(), False),
        ("citations", Expected(citations=()), observed(), False),
        ("citations", Expected(citations=()), observed(citations=[]), True),
        ("citations", Expected(), observed(), None),
        ("support", Expected(), observed("Standard takes 5-7 business days."), True),
        ("support", Expected(), observed("Standard takes 6-7 business days."), False),
        ("support", Expected(), observed("Standard costs $4.90 in business days"), False),
        ("support", Expected(), observed("Standard business, write to other@shop.example"), False),
        ("support", Expected(), observed("Penguins cannot possibly explain business"), False),
        ("support", Expected(), observed("Standard takes 9 days", citations=[]), None),
        ("tools", Expected(tools=("order_status",)), observed(tools=("order_status", "order_status")), True),
        ("tools", Expected(tools=()), observed(tools=("order_status",)), False),
        ("tools", Expected(), observed(), None),
        ("actions", Expected(actions=("start_return",)), observed(actions=[{"tool": "start_return"}]), True),
        ("actions", Expected(), observed(actions=[{"tool": "start_return"}]), False),
        ("actions", Expected(), observed(), True),
        ("no_leak", Expected(absent=("grace@example.com",)), observed(), True),
        ("no_leak", Expected(absent=("grace@example.com",)), observed("it is Grace@Example.com"), False),
        ("no_leak", Expected(), observed("we wrote to [EMAIL_1]"), False),
        ("language", Expected(language="en"), observed(), True),
        ("language", Expected(language="de"), observed(), False),
        ("language", Expected(), observed(), None),
        ("way_out", Expected(), observed(route="fallback"), False),
        ("way_out", Expected(), observed(route="fallback", suggestions=["Talk to a person"]), True),
        ("way_out", Expected(), observed(), None),
    ],
)
def test_verdicts(scorer: str, expected: Expected, found: Observed, verdict: bool | None) -> None:
    assert SCORERS[scorer](expected, found) is verdict


def test_what_was_shown_and_then_replaced_is_a_leak_too() -> None:
    found = Observed(observed().reply, "your order, Neuromancer, ...", ())
    assert SCORERS["no_leak"](Expected(absent=("Neuromancer",)), found) is False
