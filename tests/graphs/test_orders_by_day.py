"""Who is signed in need not know the number of an order: the last one, or the one of a day, is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from desk.domain import Principal
from desk.tooling import ToolContext
from evals.order_service import read_orders
from evals.suites.orders import evaluate_orders, make_questions
from graphs.hearing import orders_meant
from graphs.hearing.orders_meant import MOST_RECENT
from graphs.services import Services
from tests.graphs.conversing import Customer
from tools.orders import Order, own_orders

OWN = Path("evals/datasets/orders/orders.jsonl")


async def test_the_last_order(ada: Customer) -> None:
    told = await ada.say("Where is my last order?")
    assert "100251" in told.text
    assert "The Martian" in told.text
    assert "100234" not in told.text


async def test_the_one_of_a_day_answers_the_question_for_a_number(ada: Customer) -> None:
    asked = await ada.say("start a return")
    assert "The Martian" not in asked.text
    told = await ada.say("the one from 2026-11-17")
    assert "100251" in told.text
    assert "100234" not in told.text
    other = await ada.say("and the order from 2026-11-10?")
    assert "100234" in other.text


@pytest.mark.parametrize("message", ["when will The Martian arrive", "where is the martian that I ordered"])
async def test_the_one_with_an_article(ada: Customer, message: str) -> None:
    told = await ada.say(message)
    assert "100251 is: processing" in told.text
    assert "100234" not in told.text


async def test_a_return_of_an_article_is_offered_for_its_order(ada: Customer) -> None:
    told = await ada.say("I want to return Dune")
    [offer] = told.reply["reply"]["actions"]
    assert "100234" in offer["label"]


async def test_an_article_counts_more_than_the_order_of_the_talk(ada: Customer) -> None:
    await ada.say("when will The Martian arrive")
    told = await ada.say("I want to return Dune")
    [offer] = told.reply["reply"]["actions"]
    assert "100234" in offer["label"]


async def test_my_order_is_what_has_not_come_yet_and_the_others_can_be_asked_for(ada: Customer) -> None:
    told = await ada.say("Where is my order?")
    assert "100251 is: processing" in told.text
    assert "100234 is: shipped" in told.text
    assert "100198" not in told.text
    told = await ada.say("the one from 2026-09-02")
    assert "100198 is: delivered" in told.text
    assert "100251" not in told.text


async def test_who_has_one_order_means_that(ada: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    async def only_the_shipped_one(context: ToolContext) -> list[Order]:
        return [order for order in await own_orders(context) or [] if order.id == "100234"]

    monkeypatch.setattr(orders_meant, "own_orders", only_the_shipped_one)
    told = await ada.say("Where is my order?")
    assert told.text.startswith("Order 100234 is: shipped")
    assert "another order" not in told.text
    ada.conversation = None
    told = await ada.say("please start a return for my order")
    assert [action["arguments"] for action in told.reply["reply"]["actions"]] == [{"order_id": "100234"}]


async def test_who_has_several_is_asked_which_one_goes_back(ada: Customer) -> None:
    told = await ada.say("please start a return for my order")
    assert told.text.startswith("What is the order number? Your last orders are 100251 (2026-11-17), 100234")
    told = await ada.say("100198")
    assert "can no longer be returned" in told.text


async def test_where_several_have_the_article_it_is_asked_which_one_goes_back(
    ada: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def all_with_dune(context: ToolContext) -> list[Order]:
        orders = await own_orders(context) or []
        [dune] = [item for order in orders for item in order.items if item.title == "Dune"]
        return [order.model_copy(update={"items": (dune,)}) for order in orders[:2]]

    monkeypatch.setattr(orders_meant, "own_orders", all_with_dune)
    told = await ada.say("I want to return Dune")
    assert told.reply["reply"]["actions"] == []
    assert "100251 (2026-11-17), 100234 (2026-11-10)" in told.text


async def test_without_one_of_that_day_the_last_ones_are_named(ada: Customer) -> None:
    told = await ada.say("Where is the order that I placed on 2026-11-09?")
    assert sum(number in told.text for number in ("100251", "100234", "100198")) == MOST_RECENT
    assert "The Martian" not in told.text


async def test_nobody_else_hears_of_it(bookshop: Services, ada: Customer) -> None:
    stranger = Customer(bookshop, Principal(ada.tenant.id, "user", ada.principal.subject_id), ada.tenant)
    told = await stranger.say("Where is my last order? I am ada@example.com")
    assert "100251" not in told.text
    assert "order number" in told.text


async def test_a_number_counts_more_than_a_day(ada: Customer) -> None:
    told = await ada.say("Where is order 100198, my last order?")
    assert "100198" in told.text
    assert "100251" not in told.text


async def test_the_last_order_is_sent_back(ada: Customer) -> None:
    told = await ada.say("I want to return the order from 2026-11-10")
    assert [action["arguments"] for action in told.reply["reply"]["actions"]] == [{"order_id": "100234"}]


async def test_five_orders_are_looked_up_and_it_is_said_that_there_were_more(ada: Customer) -> None:
    told = await ada.say("Status of orders 100234, 100198, 100251, 999001, 999002, 999003 please")
    assert all(number in told.text for number in ("100234", "100198", "100251", "999001", "999002"))
    assert "999003" not in told.text
    assert "first 5 orders" in told.text


async def test_the_suite_finds_the_facts_and_no_leaks(bookshop: Services) -> None:
    book = read_orders(OWN)
    assert make_questions(book) == make_questions(book)
    report = await evaluate_orders(bookshop, book)
    assert report["by_source"]["all_orders"]["no_leak"] == 1.0
    assert report["by_source"]["all_orders"]["facts"] >= 0.95
    assert report["counts"]["all_orders"]["no_leak"] == 100


@pytest.mark.parametrize("said", ["Order {0} is: {1}.", "It goes to {2}"])
async def test_the_suite_notices_a_leak(said: str) -> None:
    from evals.suites.orders import _leaks

    book = read_orders(OWN)
    asked = next(question for question in make_questions(book) if question.foreign)
    (order,) = asked.foreign
    told = said.format(order["order_id"], order["status"], order["address"]["address1"])
    assert _leaks(asked, told, book)
    assert not _leaks(asked, f"I could not find order {order['order_id']} for you.", book)


async def test_an_order_that_is_too_old_is_not_offered_for_return(ada: Customer) -> None:
    told = await ada.say("I want to return order 100198")
    assert told.reply["reply"]["actions"] == []
    assert "30 days" in told.text
    assert "2026-10-11" in told.text
