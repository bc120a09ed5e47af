"""Budgets of models: kept before a call, settled by the commit, freed by a crash; answers go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import orjson
import pytest
from psycopg import AsyncConnection

from desk.domain import Principal, TenantSettings, TurnId, new_id
from desk.models.scripted import ScriptedModel
from desk.storage import budgets, conversations
from graphs.replays.recorded import open_turn
from graphs.replays.sandbox import Fork, Talk, run_fork
from graphs.services import Services
from graphs.tuning import Tuning
from prompts.choice import PromptChoice
from tests.graphs.conversing import EXTERNAL, POINTS, POINTS_ANSWER, Customer

# A call may cost at most 4 dollars of its 400 tokens, and its answer a few cents.
PRICED = replace(EXTERNAL, usd_per_million_out=10_000.0)
HOOK = "https://shop.example/hook"


@pytest.fixture
async def shop(ada: Customer, owner_url: str) -> AsyncIterator[Customer]:
    """Ada in the bookshop, which as yet has spent nothing and has no budget."""
    yield ada
    async with await AsyncConnection.connect(owner_url, autocommit=True) as conn:
        for table in ("spend", "subject_spend", "budget_alarms", "budget_reservations"):
            await conn.execute(f"truncate shared.{table}".encode())
        await conn.execute("delete from desk_control.deliveries where kind like 'budget.%'")


def within(customer: Customer, **settings: float) -> ScriptedModel:
    """From now on the customer's tenant has these budgets, and a model that costs something."""
    own = replace(customer.tenant.settings, **settings)  # type: ignore[arg-type]
    customer.tenant = replace(customer.tenant, settings=own)
    model = ScriptedModel((POINTS_ANSWER,), spec=PRICED)
    customer.ask_model(model)
    return model


async def spending(customer: Customer) -> budgets.Spending:
    worker = Principal(customer.tenant.id, "worker")
    async with customer.services.engine.database.tenant_tx(worker) as tx:
        return await budgets.read(tx)


async def test_what_an_answer_cost_is_settled_by_its_commit(shop: Customer) -> None:
    within(shop, budget_usd_per_day=100.0)
    before = await spending(shop)
    told = await shop.say(POINTS)
    cost = told.reply["usage"]["cost_usd"]
    assert told.reply["reply"]["route"] == "model"
    assert 0 < cost < 1
    stands = await spending(shop)
    assert stands.day - before.day == pytest.approx(cost)
    assert stands.month - before.month == pytest.approx(cost)
    assert stands.reserved == 0


@pytest.mark.parametrize(
    "budget",
    ["budget_usd_per_day", "budget_usd_per_month", "user_budget_usd_per_day", "user_budget_usd_per_month"],
)
async def test_over_any_budget_the_passage_is_the_answer_and_the_model_is_not_asked(
    shop: Customer, budget: str
) -> None:
    model = within(shop, **{budget: 3.0})
    told = await shop.say(POINTS)
    assert model.requests == []
    assert told.reply["reply"]["route"] == "faq"
    assert told.text == told.reply["reply"]["citations"][0]["quote"]
    assert "language model" in told.degraded


async def test_over_budget_without_a_passage_there_is_an_honest_answer_with_a_way_out(shop: Customer) -> None:
    model = within(shop, budget_usd_per_day=3.0)
    told = await shop.say("Is there a parking space for elephants near the river?")
    assert model.requests == []
    assert told.reply["reply"]["route"] == "fallback"
    assert "Talk to a person" in told.reply["reply"]["suggestions"]
    assert (await shop.say("hello")).reply["reply"]["route"] == "canned"


async def test_what_was_spent_counts(shop: Customer) -> None:
    model = within(shop, budget_usd_per_day=4.05)
    assert (await shop.say(POINTS)).reply["reply"]["route"] == "model"
    assert (await shop.say(POINTS)).reply["reply"]["route"] == "faq"
    assert len(model.requests) == 1


async def test_one_persons_budget_is_not_anothers(shop: Customer, bookshop: Services) -> None:
    grace = await Customer.of(bookshop, "grace@example.com")
    within(grace, user_budget_usd_per_day=4.05)
    within(shop, user_budget_usd_per_day=4.05)
    assert [(await shop.say(POINTS)).reply["reply"]["route"] for _ in range(2)] == ["model", "faq"]
    assert (await grace.say(POINTS)).reply["reply"]["route"] == "model"


async def test_deleting_a_conversation_does_not_give_the_money_back(shop: Customer) -> None:
    within(shop, budget_usd_per_day=100.0)
    await shop.say(POINTS)
    before = await spending(shop)
    assert shop.conversation is not None
    async with shop.services.engine.database.tenant_tx(shop.principal) as tx:
        assert await conversations.remove(tx, shop.conversation)
    assert await spending(shop) == before


async def test_the_tenant_is_told_once_that_its_budget_is_used_up(shop: Customer, owner_url: str) -> None:
    settings = orjson.dumps({"webhook_url": HOOK}).decode()
    async with await AsyncConnection.connect(owner_url, autocommit=True) as conn:
        await conn.execute(
            "update desk_control.tenants set settings = settings || %s::jsonb where slug = 'bookshop'",
            (settings,),
        )
        within(shop, budget_usd_per_day=3.0)
        for _ in range(3):
            await shop.say(POINTS)
        cursor = await conn.execute("select kind from desk_control.deliveries where kind like 'budget.%'")
        assert await cursor.fetchall() == [("budget.day_exhausted",)]
        await conn.execute(
            "update desk_control.tenants set settings = settings - 'webhook_url' where slug = 'bookshop'"
        )
    worker = Principal(shop.tenant.id, "worker")
    async with shop.services.engine.database.tenant_tx(worker) as tx:
        assert [alarm.budget for alarm in await budgets.list_alarms(tx)] == ["day"]


async def test_reservations_at_once_never_go_over_the_budget(shop: Customer) -> None:
    database, settings = shop.services.engine.database, TenantSettings(budget_usd_per_day=5.0)
    turns = [await shop_turn(shop) for _ in range(12)]
    kept = await asyncio.gather(
        *(budgets.reserve(database, shop.principal, settings, turn, 1.0) for turn in turns)
    )
    assert sorted(kept, key=str) == [None] * 5 + ["tenant_day"] * 7
    assert (await spending(shop)).reserved == 5.0


async def test_a_turn_that_leaves_the_queue_without_a_commit_frees_what_it_kept(shop: Customer) -> None:
    """So does one that is tried again: its second reservation takes the place of the first."""
    database, settings = shop.services.engine.database, TenantSettings(budget_usd_per_day=5.0)
    first, second = await shop_turn(shop), await shop_turn(shop)
    assert await budgets.reserve(database, shop.principal, settings, first, 4.0) is None
    assert await budgets.reserve(database, shop.principal, settings, first, 4.5) is None
    assert await budgets.reserve(database, shop.principal, settings, second, 1.0) == "tenant_day"
    async with database.control_tx() as tx:
        await tx.execute("delete from turn_queue where turn_id = %s", (first,))
    assert (await spending(shop)).reserved == 0
    assert await budgets.reserve(database, shop.principal, settings, second, 1.0) is None


async def shop_turn(shop: Customer) -> TurnId:
    """A turn in the queue, in a conversation of its own, which nobody runs."""
    one = replace(shop, conversation=None)
    return (await one.accepted("hello")).claim.turn_id


async def test_runs_in_the_sandbox_at_once_never_go_over_the_budget_either(shop: Customer) -> None:
    """They are in no queue: what they keep counts until it is paid."""
    database, settings = shop.services.engine.database, TenantSettings(budget_usd_per_day=5.0)
    runs = [TurnId(new_id()) for _ in range(12)]
    kept = await asyncio.gather(
        *(budgets.reserve(database, shop.principal, settings, one, 1.0) for one in runs)
    )
    assert sorted(kept, key=str) == [None] * 5 + ["tenant_day"] * 7
    assert (await spending(shop)).reserved == 5.0
    async with database.tenant_tx(Principal(shop.tenant.id, "worker")) as tx:
        for one in runs:
            await budgets.settle_run(tx, shop.principal, one, 0.0)
    assert (await spending(shop)).reserved == 0


async def test_a_run_whose_process_died_frees_what_it_kept_after_minutes(
    shop: Customer, owner_url: str
) -> None:
    database, settings = shop.services.engine.database, TenantSettings(budget_usd_per_day=1.5)
    first, second = TurnId(new_id()), TurnId(new_id())
    assert await budgets.reserve(database, shop.principal, settings, first, 1.0) is None
    assert await budgets.reserve(database, shop.principal, settings, second, 1.0) == "tenant_day"
    async with await AsyncConnection.connect(owner_url, autocommit=True) as conn:
        await conn.execute("update shared.budget_reservations set kept_until = now() - interval '1 second'")
    assert (await spending(shop)).reserved == 0
    assert await budgets.reserve(database, shop.principal, settings, second, 1.0) is None


async def test_who_tries_things_out_pays_and_not_the_customer(shop: Customer, bookshop: Services) -> None:
    grace = await Customer.of(bookshop, "grace@example.com")
    within(shop, user_budget_usd_per_day=4.05)
    told = await shop.say(POINTS)
    admin = replace(grace.principal, scope="admin")
    spent = await spending(shop)
    routes = []
    for _ in range(2):
        recorded = await open_turn(shop.services, admin, shop.tenant, TurnId(UUID(told.reply["turn_id"])))
        run = await run_fork(shop.services, recorded, Fork(0))
        routes.append(run.reply["reply"]["route"])
    assert routes == ["model", "faq"], "the first run used the admin's budget up"
    assert (await spending(shop)).day - spent.day == pytest.approx(told.reply["usage"]["cost_usd"], rel=0.5)
    assert (await spending(shop)).reserved == 0
    talk = Talk(shop.services, shop.tenant, admin.as_user(), Tuning(), PromptChoice())
    assert (await talk.say(POINTS)).reply["reply"]["route"] == "faq"
    async with shop.services.engine.database.tenant_tx(Principal(shop.tenant.id, "worker")) as tx:
        cursor = await tx.execute("select subject_id, usd > 0 from subject_spend")
        paid = dict(await cursor.fetchall())
        cursor = await tx.execute(
            "select usd from subject_spend where subject_id = %s", (shop.principal.subject_id,)
        )
        [(customers,)] = await cursor.fetchall()
    assert paid == {shop.principal.subject_id: True, grace.principal.subject_id: True}
    assert float(customers) == pytest.approx(told.reply["usage"]["cost_usd"], abs=1e-5)
