"""A tenant's promised error: what is not sure enough goes on, and what is unproven is told, never quiet."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from desk.domain import Principal, TenantSettings
from desk.storage import tenants
from graphs.replays.recorded import open_turn
from graphs.services import Services
from tests.graphs.conversing import Customer, Told

# The router is surer than usual of this, and not as sure as a tenth of errors asks for.
MIDDLING = "the thing is broken a little"


async def customer(services: Services, promised_error: float | None) -> Customer:
    async with services.engine.database.control_tx() as tx:
        settings = TenantSettings(promised_error=promised_error)
        tenant = await tenants.create(tx, f"shop-{uuid4().hex[:12]}", "A shop", settings)
    return await Customer.of(services, "ada@example.com", tenant.slug)


async def routed(who: Customer, message: str) -> tuple[Told, dict[str, Any]]:
    """A turn, and what its step of the router said."""
    turn = await who.accepted(message)
    told = await who.run(turn)
    viewer = Principal(who.tenant.id, "admin")
    recorded = await open_turn(who.services, viewer, who.tenant, turn.claim.turn_id)
    return told, next(step for step in recorded.steps if step["node"] == "route_intent")


async def test_below_the_proven_threshold_a_turn_goes_on(bookshop: Services) -> None:
    usual, usual_step = await routed(await customer(bookshop, None), MIDDLING)
    careful, step = await routed(await customer(bookshop, 0.1), MIDDLING)
    assert usual_step["noted"]["needed"] == 0.5
    assert 0.5 <= usual_step["update"]["decision"]["confidence"] < step["noted"]["needed"]
    assert usual.nodes[-1] == "canned_reply"
    assert "canned_reply" not in careful.nodes
    assert "retrieve_faqs" in careful.nodes
    assert careful.degraded == []


async def test_what_is_sure_is_answered_under_a_promise(bookshop: Services) -> None:
    told, step = await routed(await customer(bookshop, 0.1), "hello")
    assert told.nodes[-1] == "canned_reply"
    assert step["update"]["decision"]["confidence"] >= step["noted"]["needed"] > 0.5


async def test_a_promise_below_the_usual_confidence_makes_nobody_bolder(bookshop: Services) -> None:
    _, step = await routed(await customer(bookshop, 0.3), "hello")
    assert step["noted"]["needed"] == 0.5


async def test_where_it_is_not_proven_no_example_answers_and_it_is_told(bookshop: Services) -> None:
    told, step = await routed(await customer(bookshop, 0.01), "hello")
    assert told.degraded == ["promised error"]
    assert "canned_reply" not in told.nodes
    assert step["update"]["decision"]["because"] == "the promised error is not proven"
    assert step["noted"]["needed"] is None


async def test_a_rule_needs_no_proof(bookshop: Services) -> None:
    ada = await customer(bookshop, 0.01)
    assert (await ada.say("I want to talk to a person")).nodes[-1] == "handoff"
    ada.conversation = None  # a person has the other one now
    assert "lookup_order" in (await ada.say("where is my order 100234?")).nodes
