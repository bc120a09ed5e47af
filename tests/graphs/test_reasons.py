"""Reasons: whoever looks at a turn sees what the router found near, and why it followed nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from desk.domain import Principal
from graphs.hearing.reasons import with_reasons
from graphs.replays.recorded import open_turn
from graphs.services import Services
from prompts.choice import PromptChoice
from tests.graphs.conversing import Customer


@pytest.fixture
async def customer(bookshop: Services) -> Customer:
    return await Customer.of(bookshop, "ada@example.com")


async def reasons(who: Customer, message: str) -> dict[str, Any]:
    """What is shown of the router's step in a recorded turn."""
    turn = await who.accepted(message)
    await who.run(turn)
    viewer = Principal(who.tenant.id, "admin")
    recorded = await open_turn(who.services, viewer, who.tenant, turn.claim.turn_id)
    assert all("reasons" not in step.get("noted", {}) for step in recorded.steps), "customers pay for none"
    steps = await with_reasons(who.services, who.tenant, PromptChoice(), message, list(recorded.steps))
    step = next(step for step in steps if step["node"] == "route_intent")
    found: dict[str, Any] = step["noted"]["reasons"]
    return found


async def test_what_was_followed_has_its_nearest_examples_and_the_others_their_distance(
    customer: Customer,
) -> None:
    told = await reasons(customer, "what are your opening hours?")
    assert [one["intent"] for one in told["nearest"]] == ["store_hours_contact"] * 3
    assert told["nearest"][0]["similarity"] > told["nearest"][2]["similarity"] > 0
    assert told["margin"] == pytest.approx(told["rivals"][0]["score"] - told["rivals"][1]["score"])
    assert [one["intent"] for one in told["against"]] == [one["intent"] for one in told["rivals"][1:]]
    assert "less than store_hours_contact" in told["against"][0]["because"]


async def test_what_was_not_sure_enough_says_by_how_much(customer: Customer) -> None:
    told = await reasons(customer, "what shall we do tonight")
    assert told["against"][0]["intent"] == told["rivals"][0]["intent"]
    assert "is below the 0.500 that is needed" in told["against"][0]["because"]
    assert told["outside"] > 0


async def test_a_rule_that_came_first_is_named(customer: Customer) -> None:
    told = await reasons(customer, "do you wrap presents? I want to talk to a person")
    first = told["against"][0]
    assert first["intent"] != "human"
    assert first["because"] == "a rule comes first: asks for a person"
