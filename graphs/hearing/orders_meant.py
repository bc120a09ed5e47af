"""Which orders a message means: by number, by what the talk is about, or the customer's own of some day
or with some article."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from desk.retrieval.catalogue_names import words
from graphs.acting.toolbox import tool_context
from graphs.hearing.parts import asked
from graphs.state import Topic, TurnContext, TurnState
from tools.order_dates import Placed, placed_when
from tools.order_numbers import find_order_numbers
from tools.orders import Order, own_orders

MOST_RECENT = 3
# A title of fewer is too often a word.
FEWEST_LETTERS = 4


@dataclass(frozen=True, slots=True)
class Meant:
    """Numbers to look up, and orders that are known already.

    Where no number, day or article tells which, `own` are all of the customer, newest first; `recent` are
    the last of them when none is of the day that they said.
    """

    numbers: tuple[str, ...] = ()
    orders: tuple[Order, ...] = ()
    own: tuple[Order, ...] = ()
    recent: tuple[Order, ...] = ()


async def orders_meant(state: TurnState, context: TurnContext) -> Meant:
    """The orders this message is about; what it names itself counts more than what the talk was about.

    Raises ToolUnavailable when the shop does not answer.
    """
    numbers = tuple(state.get("topic", {}).get("order_ids", ()))
    text = asked(state, context)
    placed = placed_when(text, _today(context))
    if find_order_numbers(text, context.tenant.settings.order_patterns):
        return Meant(numbers)
    orders = await own_orders(tool_context(context, proofs=False))
    if not orders:
        return Meant(numbers)
    if placed is None:
        holding = _holding(orders, text)
        of_the_talk = tuple(order for order in holding if order.id in numbers)
        if holding:
            return Meant(orders=of_the_talk or holding)
        return Meant(numbers) if numbers else Meant(own=tuple(orders))
    found = _placed(orders, placed)
    return Meant(orders=found) if found else Meant(recent=tuple(orders[:MOST_RECENT]))


def means_by_day(text: str, topic: Topic, context: TurnContext) -> bool:
    """Whether a text that the router is not sure of means an order by when it was placed.

    Any day will do as an answer to the question for a number; otherwise only "my last order" is that clear.
    """
    placed = placed_when(text, _today(context))
    return placed is not None and (topic.get("waiting_for") == "order_number" or placed == Placed())


def _holding(orders: Sequence[Order], text: str) -> tuple[Order, ...]:
    """The orders with an article that the text calls by its whole title."""
    said = f" {words(text)} "
    return tuple(order for order in orders if any(_is_named(item.title, said) for item in order.items))


def _is_named(title: str, said: str) -> bool:
    name = words(title.partition(" (")[0])
    return len(name) >= FEWEST_LETTERS and f" {name} " in said


def _today(context: TurnContext) -> date:
    return context.now.astimezone(ZoneInfo(context.tenant.settings.timezone)).date()


def _placed(newest_first: Sequence[Order], placed: Placed) -> tuple[Order, ...]:
    if placed.first is None or placed.last is None:
        return tuple(newest_first[:1])
    first, last = placed.first, placed.last
    return tuple(
        order for order in newest_first if order.placed_on is not None and first <= order.placed_on <= last
    )
