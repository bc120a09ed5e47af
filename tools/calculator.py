"""The calculator tool: exact decimal arithmetic on a short formula, by a walk over a few allowed forms."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from decimal import Decimal, DecimalException, localcontext
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from desk.tooling import Tool, ToolContext, ToolResult

LARGEST: Final = Decimal(10) ** 40
SMALLEST: Final = Decimal(10) ** -40
LARGEST_EXPONENT: Final = 100
DECIMAL_PLACES: Final = Decimal(10) ** -10

_ALLOWED = re.compile(r"[0-9.+\-*/%() ]+")
_NUMBER = re.compile(r"\d{1,30}(?:\.\d{0,30})?|\.\d{1,30}")
_Operation = Callable[[Decimal, Decimal], Decimal]
_BINARY: Final[dict[type[ast.operator], _Operation]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


class CalculatorArguments(BaseModel):
    """What to work out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    expression: str = Field(
        min_length=1,
        max_length=200,
        description="Numbers with + - * / // % ** and brackets, like (12.99 + 4.95) * 2.",
    )


class Refused(Exception):
    """The formula is not one that we calculate; the message is a sentence for the customer."""


def calculate(expression: str) -> Decimal:
    """The value of the formula, exact to 50 digits; raises Refused with a sentence that says why."""
    if not _ALLOWED.fullmatch(expression):
        raise Refused("I can only calculate with numbers, brackets and + - * / // % **.")
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
        with localcontext(prec=50):
            return _value(tree, expression.strip())
    except (SyntaxError, MemoryError, RecursionError):
        raise Refused("That is not a complete formula.") from None
    except (DecimalException, ZeroDivisionError):
        raise Refused("That has no defined value.") from None


async def run(arguments: CalculatorArguments, _context: ToolContext) -> ToolResult:
    """The formula and its value, rounded to ten places; `ok` is false with a sentence when refused."""
    try:
        value = calculate(arguments.expression)
    except Refused as refusal:
        return ToolResult(str(refusal), ok=False)
    shown = _show(value)
    return ToolResult(f"{arguments.expression.strip()} = {shown}", {"value": shown})


def _value(node: ast.expr, source: str) -> Decimal:
    match node:
        case ast.Constant():
            return _bounded(_number(ast.get_source_segment(source, node) or ""))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, source)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand, source)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _bounded(_power(_value(left, source), _value(right, source)))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _bounded(_BINARY[type(op)](_value(left, source), _value(right, source)))
        case _:
            raise Refused("I can only calculate with numbers, brackets and + - * / // % **.")


def _number(text: str) -> Decimal:
    # Read from the source: through a float 0.1 would not be 0.1 any more.
    if not _NUMBER.fullmatch(text):
        raise Refused("Please write numbers like 12 or 12.99, with at most 30 digits.")
    return Decimal(text)


def _power(value: Decimal, exponent: Decimal) -> Decimal:
    if exponent != exponent.to_integral_value() or abs(exponent) > LARGEST_EXPONENT:
        raise Refused(f"I only raise to whole powers of at most {LARGEST_EXPONENT}.")
    return value**exponent


def _bounded(value: Decimal) -> Decimal:
    if abs(value) > LARGEST or (value and abs(value) < SMALLEST):
        raise Refused("That number is too large or too small for me.")
    return value


def _show(value: Decimal) -> str:
    with localcontext(prec=60):
        text = f"{value.quantize(DECIMAL_PLACES):f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


TOOL = Tool(
    name="calculator",
    description="Work out an arithmetic formula exactly, for totals, differences and percentages.",
    arguments=CalculatorArguments,
    run=run,
    timeout_seconds=1.0,
)
