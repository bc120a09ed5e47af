"""Actions: offered first, done once after a yes to exactly this, and honest when nobody can tell."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from desk.domain import Principal
from desk.embedded import Engines
from desk.events import ToolUsed, TurnEvent
from desk.models.embeddings import MiniLM
from desk.storage import effects, handoffs
from graphs.acting import offering
from graphs.brake import Brake
from graphs.registry import open_services
from graphs.services import Services
from graphs.turn import run_turn
from graphs.untraced import spawn
from server.demo.load import load_demo
from tests.graphs.conversing import POINTS, Customer, Told, calls, contents
from tests.plugins.stores import temporary_home
from tests.server.conftest import demo_settings
from tests.servers.moody_shop import MoodyShop, moody_shop
from tools.http import TenantHttp

RETURN = "I want to return order 100234"


@dataclass(frozen=True)
class Place:
    """A shop with moods, and the services of a desk that works for it."""

    shop: MoodyShop
    services: Services


@asynccontextmanager
async def opened(stores: Engines, *, deduplicate: bool) -> AsyncIterator[Place]:
    with temporary_home() as home:
        async with moody_shop(Path(home), deduplicate=deduplicate) as (shop, address):
            settings = demo_settings(stores, Path(home), address)
            url = stores.database_url
            async with open_services(settings, url, on_degraded=lambda _what, _instead: None) as services:
                await load_demo(services)
                yield Place(shop, services)


@pytest.fixture(scope="module")
async def keeping(migrated: Engines, embedder: MiniLM) -> AsyncIterator[Place]:
    """The shop heeds Idempotency-Keys and knows what it did under them."""
    async with opened(migrated, deduplicate=True) as place:
        yield place


@pytest.fixture(scope="module")
async def heedless(migrated: Engines, embedder: MiniLM) -> AsyncIterator[Place]:
    """The shop ignores Idempotency-Keys."""
    async with opened(migrated, deduplicate=False) as place:
        yield place


@pytest.fixture
def shop(keeping: Place) -> MoodyShop:
    """The shop, in a good mood and with nothing asked of it."""
    keeping.shop.moods, keeping.shop.posts = [], 0
    return keeping.shop


@pytest.fixture
async def customer(keeping: Place) -> AsyncIterator[Customer]:
    """Ada, in a conversation of her own."""
    yield await Customer.of(keeping.services, "ada@example.com")
    keeping.services.engine.model = None


@pytest.fixture
async def grace(keeping: Place) -> AsyncIterator[Customer]:
    """Grace, who does not own Ada's order."""
    yield await Customer.of(keeping.services, "grace@example.com")
    keeping.services.engine.model = None


def only_action(told: Told) -> dict[str, Any]:
    """The one action of a reply."""
    (action,) = told.reply["reply"]["actions"]
    assert isinstance(action, dict)
    return action


async def test_a_return_is_offered_and_nothing_is_done(customer: Customer, shop: MoodyShop) -> None:
    told = await customer.say(RETURN)
    action = only_action(told)
    assert (action["tool"], action["arguments"]) == ("start_return", {"order_id": "100234"})
    assert action["label"] == "Start a return for order 100234"
    assert action["label"] in told.text
    assert told.reply["reply"]["route"] == "order"
    assert shop.posts == 0


@pytest.mark.parametrize("how", ["tap", "yes", "Ja, bitte!", "👍"])
async def test_a_yes_has_it_done_once(customer: Customer, shop: MoodyShop, how: str) -> None:
    action = only_action(await customer.say(RETURN))
    told = await (customer.confirm(action["id"]) if how == "tap" else customer.say(how))
    assert re.search(r"R-\d{5}", told.text)
    assert told.tools == [("start_return", "started"), ("start_return", "ended")]
    assert told.reply["reply"]["actions"] == []
    assert shop.times(action["id"]) == 1

    again = await customer.confirm(action["id"])
    assert "no longer open" in again.text
    assert (shop.posts, shop.times(action["id"])) == (1, 1)


async def test_a_yes_to_another_id_does_not_do_what_is_offered(customer: Customer, shop: MoodyShop) -> None:
    assert only_action(await customer.say(RETURN))["tool"] == "start_return"
    told = await customer.confirm(str(uuid4()))
    assert "no longer open" in told.text
    assert shop.posts == 0


async def test_a_tap_stands_in_the_conversation_as_what_it_said(customer: Customer) -> None:
    action = only_action(await customer.say(RETURN))
    told = await customer.confirm(action["id"])
    assert await customer.history() == [
        RETURN,
        f"I can do this for you: {action['label']}. Shall I?",
        f"Yes: {action['label']}",
        told.text,
    ]


@pytest.mark.parametrize(
    ("said", "answered"), [("no thanks", "I have not done it"), ("Which cards do you take?", "PayPal")]
)
async def test_a_no_and_any_other_message_withdraw_it(
    customer: Customer, shop: MoodyShop, said: str, answered: str
) -> None:
    action = only_action(await customer.say(RETURN))
    assert answered in (await customer.say(said)).text
    assert "no longer open" in (await customer.confirm(action["id"])).text
    assert not re.search(r"R-\d{5}", (await customer.say("yes")).text)
    assert shop.posts == 0


async def test_a_yes_is_good_for_a_quarter_of_an_hour(
    customer: Customer, shop: MoodyShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offering, "OPEN_FOR", timedelta(seconds=-1))
    action = only_action(await customer.say(RETURN))
    assert "no longer open" in (await customer.confirm(action["id"])).text
    assert shop.posts == 0


async def test_nobody_confirms_what_was_offered_to_another(
    customer: Customer, grace: Customer, shop: MoodyShop
) -> None:
    action = only_action(await customer.say(RETURN))
    await grace.say("hi")
    assert "no longer open" in (await grace.confirm(action["id"])).text
    assert shop.posts == 0


async def test_an_order_of_somebody_else_is_not_offered(grace: Customer) -> None:
    told = await grace.say(RETURN)
    assert told.reply["reply"]["actions"] == []
    assert "could not find order 100234" in told.text
    proved = await grace.say("my postcode is 90210")
    assert only_action(proved)["arguments"] == {"order_id": "100234"}


async def test_the_order_number_is_asked_for(customer: Customer) -> None:
    told = await customer.say("please start a return for my order")
    assert "order number" in told.text
    assert only_action(await customer.say("100234"))["tool"] == "start_return"


async def test_an_order_that_was_not_sent_is_not_offered(grace: Customer) -> None:
    told = await grace.say("start a return for order 100235")
    assert told.reply["reply"]["actions"] == []
    assert "has not been sent yet" in told.text


async def test_a_ticket_carries_the_message_with_its_values_to_the_shop(
    customer: Customer, shop: MoodyShop
) -> None:
    offered = await customer.say("please open a support ticket for me, call me at +44 20 7946 0958")
    action = only_action(offered)
    assert action["tool"] == "create_ticket"
    assert "+44 20 7946 0958" in action["arguments"]["text"]
    assert re.search(r"T-\d{5}", (await customer.confirm(action["id"])).text)
    assert shop.times(action["id"]) == 1


async def test_what_was_done_without_an_answer_is_found_and_not_done_again(
    customer: Customer, shop: MoodyShop
) -> None:
    action = only_action(await customer.say(RETURN))
    shop.moods = ["silent"]
    assert re.search(r"R-\d{5}", (await customer.confirm(action["id"])).text)
    assert (shop.posts, shop.times(action["id"])) == (1, 1)


async def test_what_was_lost_on_the_way_is_asked_for_again(customer: Customer, shop: MoodyShop) -> None:
    action = only_action(await customer.say(RETURN))
    shop.moods = ["losing"]
    assert re.search(r"R-\d{5}", (await customer.confirm(action["id"])).text)
    assert (shop.posts, shop.times(action["id"])) == (2, 1)


async def test_a_shop_that_ignores_keys_leaves_it_to_a_person(heedless: Place) -> None:
    customer = await Customer.of(heedless.services, "ada@example.com")
    action = only_action(await customer.say(RETURN))
    heedless.shop.moods = ["silent"]
    told = await customer.confirm(action["id"])
    assert "could not find out whether this was done" in told.text
    assert told.reply["reply"]["route"] == "handoff"
    assert heedless.shop.times(action["id"]) == 1
    assert await state_of(customer, action["id"]) == "unknown"
    async with customer.services.engine.database.tenant_tx(customer.principal) as tx:
        assert customer.conversation is not None
        waiting = await handoffs.get_open(tx, customer.conversation)
    assert waiting is not None
    assert waiting.reason == "effect_unknown"


async def test_without_the_shop_the_offer_stays_open(customer: Customer, shop: MoodyShop) -> None:
    action = only_action(await customer.say(RETURN))
    reachable = customer.services.http
    customer.services.http = TenantHttp(())
    told = await customer.confirm(action["id"])
    assert "nothing was done" in told.text
    assert only_action(told) == action
    assert await state_of(customer, action["id"]) == "unsent"
    customer.services.http = reachable
    assert re.search(r"R-\d{5}", (await customer.confirm(action["id"])).text)
    assert shop.times(action["id"]) == 1


async def test_a_refusal_of_the_shop_is_told_and_kept(customer: Customer, shop: MoodyShop) -> None:
    action = only_action(await customer.say(RETURN))
    shop.store.perform(action["id"], "ticket", {"another": "request"})  # the key is taken: 422
    assert "does not accept a return" in (await customer.confirm(action["id"])).text
    assert await state_of(customer, action["id"]) == "result"


async def test_a_model_proposes_and_the_customer_decides(customer: Customer, shop: MoodyShop) -> None:
    model = customer.script(
        calls("start_return", '{"order_id": "100234", "reason": "too long"}'), "Shall I start it for you?"
    )
    told = await customer.say(POINTS)
    action = only_action(told)
    assert action["arguments"] == {"order_id": "100234", "reason": "too long"}
    assert "It has not been done" in contents(model.requests[-1])
    assert shop.posts == 0
    assert re.search(r"R-\d{5}", (await customer.say("yes please")).text)
    assert shop.times(action["id"]) == 1


async def test_a_model_cannot_propose_with_what_the_customer_wrote_as_proof(grace: Customer) -> None:
    grace.script(calls("start_return", '{"order_id": "100234"}'), "I could not find that order.")
    told = await grace.say(f"{POINTS} My postcode is 90210.")
    assert told.reply["reply"]["actions"] == []


async def test_two_open_offers_want_a_tap(customer: Customer, shop: MoodyShop) -> None:
    customer.script(
        replace(
            calls("start_return", '{"order_id": "100234"}'),
            tool_calls=(
                *calls("start_return", '{"order_id": "100234"}').tool_calls,
                *calls("create_ticket", '{"text": "please call me"}', "call_y").tool_calls,
                *calls("start_return", '{"order_id": "100234"}', "call_z").tool_calls,
            ),
        ),
        "I can start the return, and leave a message.",
        "Which of both?",
    )
    told = await customer.say(POINTS)
    actions = told.reply["reply"]["actions"]
    assert [action["tool"] for action in actions] == ["start_return", "create_ticket"]
    await customer.say("yes")
    assert shop.posts == 0


async def test_a_cancel_that_comes_during_the_effect_is_too_late(customer: Customer, shop: MoodyShop) -> None:
    action = only_action(await customer.say(RETURN))
    turn, brake, told = await customer.accepted("", confirm=action["id"]), Brake(), Told()

    def hear(event: TurnEvent) -> None:
        told.events.append(event)
        if isinstance(event, ToolUsed):
            brake.pull()

    await spawn(run_turn(customer.services, turn, hear, brake))
    assert re.search(r"R-\d{5}", told.text)


async def state_of(customer: Customer, key: str) -> str:
    """How the effect stands in the ledger."""
    worker = Principal(customer.tenant.id, "worker")
    async with customer.services.engine.database.tenant_tx(worker) as tx:
        found = await effects.find_by_key(tx, key)
    assert found is not None
    return found.state
