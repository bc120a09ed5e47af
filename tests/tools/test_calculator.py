"""The calculator is exact, bounded, and runs nothing."""

from __future__ import annotations

import time
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.tools.contexts import tool_context
from tools.calculator import TOOL, CalculatorArguments, Refused, calculate


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("12.99 * 3", "38.97"),
        ("0.1 + 0.2", "0.3"),
        ("(12.99 + 4.95) * 2", "35.88"),
        ("35 - 12.99 - 4.95", "17.06"),
        ("-(3) + +1", "-2"),
        ("49.90 * 15 / 100", "7.485"),
        ("2 ** 10", "1024"),
        ("2 ** -2", "0.25"),
        ("7 // 2", "3"),
        ("7 % 4", "3"),
        ("1 / 3", "0.3333333333"),
        ("2 ** 100", "1267650600228229401496703205376"),
        ("0 * -1", "0"),
        (" .5 + 1. ", "1.5"),
    ],
)
async def test_values(expression: str, value: str) -> None:
    result = await TOOL.run(CalculatorArguments(expression=expression), tool_context())
    assert result.ok
    assert result.data == {"value": value}
    assert result.text == f"{expression.strip()} = {value}"


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os').system('true')",
        "().__class__",
        "1 if 1 else 2",
        "lambda: 1",
        "[1]",
        "abs(1)",
        "1(2)",
        "1, 2",
        "1_000",
        "0x10",
        "1e5",
        "1j",
        "True",
        "1 2",
        "1 +",
        "()",
        "(",
        "(" * 199,
        "1 / 0",
        "1 % 0",
        "0 ** -1",
        "0 ** 0",
        "2 ** 0.5",
        "2 ** 101",
        "9 ** 9 ** 9",
        "99999999999999999999 ** 100",
        "10 ** 41",
        "0.1 ** 41",
        "1" * 31,
        "007",
        "1 << 2",
        "1\n+1",
        "1\x00",
        "١+١",
    ],
)
async def test_refusals_are_sentences(expression: str) -> None:
    result = await TOOL.run(CalculatorArguments(expression=expression), tool_context())
    assert not result.ok
    assert result.text[0].isupper()
    assert result.text.endswith(".")


@given(st.text("0123456789.+-*/%() ", min_size=1, max_size=200))
@example("9**99*" * 30 + "1")
@example("-" * 199 + "1")
def test_any_formula_ends_quickly_in_a_bounded_value_or_a_refusal(expression: str) -> None:
    started = time.perf_counter()
    try:
        value = calculate(expression)
    except Refused:
        value = Decimal(0)
    assert value.is_finite()
    assert abs(value) <= Decimal(10) ** 40
    assert time.perf_counter() - started < 0.5


AMOUNTS = st.decimals(min_value=0, max_value=10**6, places=2)


@given(AMOUNTS, AMOUNTS, AMOUNTS)
def test_sums_and_products_are_exact(a: Decimal, b: Decimal, c: Decimal) -> None:
    exact = (Fraction(a) + Fraction(b)) * Fraction(c)
    assert Fraction(calculate(f"({a} + {b}) * {c}")) == exact or exact < Fraction(1, 10**40)
