"""Simulated customers pursue their goal with their facts, and what became of it is told by the replies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from desk.domain import Tenant
from desk.errors import InvalidInput
from desk.models.providers import open_models
from desk.settings import Settings
from evals.cases import parse_cases, read_cases
from evals.customer import Customer, Errand, Wish, parse_customer
from evals.data import OWN
from evals.gate_page import to_html
from evals.judgement import unjudged
from evals.registry import Ground, Inputs, run_suite
from evals.report import Report
from evals.scorers.observed import Observed
from evals.speakers import ASKS_FOR_A_PERSON, Exchange, RuleCustomer
from graphs.services import Services
from server.demo.data import load_customers
from server.demo.load import load_demo
from tests.graphs.conftest import bookshop, demo
from tests.servers.openai_wire import Wire, openai_wire, say

__all__ = ["bookshop", "demo"]


@pytest.fixture
async def shop(bookshop: Services) -> Tenant:
    return await load_demo(bookshop)


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with openai_wire() as served:
        yield served


def replied(text: str, *, actions: tuple[str, ...] = ()) -> Exchange:
    reply = {"text": text, "actions": [{"tool": tool} for tool in actions]}
    return Exchange("", Observed(reply, text, ()))


def a_customer(**facts: str | list[str]) -> Customer:
    goal = {"says": "Where is it?", "shows": ["shipped"]}
    return parse_customer({"goal": goal, "facts": dict(facts)}, "x")


def case(name: str, **customer: Any) -> dict[str, Any]:
    return {"id": name, "source": "s", "as": None, "customer": customer, "expect": {"language": "en"}}


async def played(tmp_path: Path, services: Services, tenant: Tenant, *cases: dict[str, Any]) -> Report:
    path = tmp_path / "cases.jsonl"
    path.write_bytes(b"\n".join(map(orjson.dumps, cases)))
    return await run_suite("customers", Inputs(dataset=path), Ground(services, tenant))


async def test_the_rules_in_their_order() -> None:
    customer = a_customer(postcode=["10115", "90210"], confirm="no thanks")
    speaker, errand = RuleCustomer(customer), Errand(customer.wishes)
    assert await speaker.says(errand, []) == "Where is it?"
    said = [
        await speaker.says(errand, [reply])
        for reply in (
            replied("Send it with the postcode, please."),
            replied("I can do this for you. Shall I?", actions=("start_return",)),
            replied("Not found. Which POSTCODE?"),
            replied("Which postcode?"),
            replied("I do not know."),
            replied("Sorry."),
        )
    ]
    once_more = "Once more, please: Where is it?"
    assert said == ["10115", "no thanks", "90210", once_more, ASKS_FOR_A_PERSON, None]


async def test_the_next_wish_follows_and_may_be_insisted_on_again() -> None:
    wishes = (Wish("one?", (("1",),)), Wish("two?", (("2", "II"),)))
    speaker, errand = RuleCustomer(Customer(wishes, {}, "", 8)), Errand(wishes)
    first = [await speaker.says(errand, []), await speaker.says(errand, [replied("?")])]
    errand.look_at(replied("it is 1").observed)
    second = [await speaker.says(errand, [replied("1")]), await speaker.says(errand, [replied("?")])]
    assert first + second == ["one?", "Once more, please: one?", "two?", "Once more, please: two?"]
    errand.look_at(replied("it is ii").observed)
    assert errand.done


async def test_a_talk_ends_when_the_goal_shows_or_nothing_helps(
    tmp_path: Path, bookshop: Services, shop: Tenant
) -> None:
    order = {"says": "Where is order 100234?", "shows": ["shipped"]}
    report = await played(
        tmp_path,
        bookshop,
        shop,
        case("proves", goal=order, facts={"postcode": ["10115", "90210"]}),
        case("no-proof", goal=order, facts={}),
        case("short", goal=order, facts={"postcode": ["10115", "90210"]}, turns_at_most=2),
    )
    ended = {one["case"]: one["ended"] for one in report["failed"]}
    assert ended == {"no-proof": "gave up", "short": "turn limit"}
    assert report["by_source"]["s"]["goal_met"] == pytest.approx(1 / 3, abs=1e-4)
    proves = next(one for one in report["talks"] if one["case"] == "proves")
    said = [one["customer"] for one in proves["exchanges"]]
    assert said == ["Where is order 100234?", "10115", "90210", "Thank you, that helped!"]
    failed = next(one for one in report["failed"] if one["case"] == "no-proof")
    assert failed["failed"] == ["goal_met"]
    assert failed["transcript"][-1]["customer"] == ASKS_FOR_A_PERSON
    page = to_html(unjudged(report, 1.0))
    assert "<summary>gave up</summary>" in page
    assert ASKS_FOR_A_PERSON in page


async def test_a_leak_in_any_reply_is_found(tmp_path: Path, bookshop: Services, shop: Tenant) -> None:
    row = case(
        "leaks",
        goal=[
            {"says": "Which cards do you take?", "shows": ["Visa"]},
            {"says": "How long does shipping take?", "shows": ["5-7"]},
        ],
    )
    row["expect"] = {"absent": ["Visa"], "facts": ["PayPal", "2-3"], "routes": ["canned"]}
    report = await played(tmp_path, bookshop, shop, row)
    [failed] = report["failed"]
    assert failed["failed"] == ["no_leak"]


async def test_a_model_may_play_the_customer_and_never_says_whether_it_was_helped(
    tmp_path: Path, demo: Settings, bookshop: Services, shop: Tenant, wire: Wire
) -> None:
    path = tmp_path / "cases.jsonl"
    goal = {"says": "I want to know about order 100235", "shows": ["Neuromancer"]}
    rows = [
        case("proves", goal=goal, facts={"e-mail address": "grace@example.com"}, persona="In a great hurry."),
        case("lies", goal=goal, facts={}),
    ]
    path.write_bytes(b"\n".join(map(orjson.dumps, rows)))
    wire.script(
        [
            say("Where is order 100235?"),
            say("It is [EMAIL_1]"),
            say("Order 100235 shows Neuromancer, thank you!"),
            say("GIVE UP"),
        ]
    )
    model = open_models(demo.model_copy(update={"openai_base_url": wire.base_url}))
    assert model is not None
    try:
        ground = Ground(bookshop, shop, model)
        report = await run_suite("customers", Inputs(dataset=path, customer="model"), ground)
    finally:
        await model.aclose()
    assert report["by_source"]["s"]["goal_met"] == 0.5
    [failed] = report["failed"]
    assert (failed["case"], failed["ended"]) == ("lies", "gave up")
    asked = wire.requests[1].json["messages"][0]["content"]
    assert "In a great hurry." in asked
    assert "grace@example.com" not in asked
    assert "[EMAIL_1]" in asked


async def test_without_a_model_none_plays(bookshop: Services, shop: Tenant) -> None:
    with pytest.raises(InvalidInput, match="needs a model"):
        await run_suite("customers", Inputs(customer="model"), Ground(bookshop, shop))


def test_the_bookshops_customers_are_of_every_kind() -> None:
    cases = read_cases(OWN / "customers.jsonl")
    assert len(cases) >= 12
    assert len({case.id for case in cases}) == len(cases)
    assert all(case.customer is not None for case in cases)
    assert {case.person for case in cases} - {None} <= {customer.email for customer in load_customers()}
    assert any(len(case.customer.wishes) > 1 for case in cases if case.customer)
    assert any(case.person is None for case in cases)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"customer": {}}, "a customer is"),
        ({"customer": {"goal": {"says": "x"}}}, "a goal is"),
        ({"customer": {"goal": {"says": "x", "shows": []}}}, "something must show"),
        ({"customer": {"goal": []}}, "wants nothing"),
        ({"customer": {"goal": {"says": "x", "shows": ["y"]}, "turns_at_most": 0}}, "turns_at_most"),
        ({"customer": {"goal": {"says": "x", "shows": ["y"]}, "facts": []}}, "facts"),
        ({"customer": {"goal": {"says": "x", "shows": ["y"]}, "mood": "bad"}}, "a customer is"),
        ({"customer": {"goal": {"says": "x", "shows": ["y"]}}, "turns": []}, "either turns or a customer"),
        ({"customer": {"goal": {"says": "x", "shows": ["y"]}}, "expect": {"rout": []}}, "'rout'"),
        ({}, "`turns` must be there"),
    ],
)
def test_a_bad_customer_is_named(tmp_path: Path, row: dict[str, Any], complaint: str) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_bytes(orjson.dumps({"id": "x", "source": "s", **row}))
    with pytest.raises(InvalidInput, match=complaint):
        read_cases(path)


def test_cases_with_a_customer_are_played_by_the_command_alone() -> None:
    with pytest.raises(InvalidInput, match="turns is missing"):
        parse_cases([{"id": "x", "source": "s", "customer": {}}])
