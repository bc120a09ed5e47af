"""Office hours and promised times: tickets at night, alarms for long waits, closing time in the queue."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from desk.domain import Principal, Tenant, TenantSettings
from desk.settings import Settings
from desk.storage import tenants
from desk.storage.pool import Database
from graphs.handoffs.office_hours import DAYS, office_hours, spoken_time
from graphs.handoffs.sweep import Swept, sweep
from graphs.registry import open_services
from graphs.services import Services
from server.issuer import Issuer
from tests.server.conftest import bearer
from tests.server.handoff_wire import act, ask_for_person, listening, said, waiting
from tests.server.wire import ask


@pytest.fixture(scope="session")
async def services(settings: Settings) -> AsyncIterator[Services]:
    """What a job has, in a process of its own."""
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value()
    async with open_services(settings, url, on_degraded=print) as services:
        yield services


def not_today() -> str:
    """A span on the weekday three days from now."""
    return f"{DAYS[(datetime.now(UTC).weekday() + 3) % 7]} 09:00-17:00"


async def add_tenant(database: Database, hours: tuple[str, ...]) -> Tenant:
    async with database.control_tx() as tx:
        settings = TenantSettings(office_hours=hours, sla_minutes=10)
        return await tenants.create(tx, f"hours-{uuid4().hex[:10]}", "A shop with hours", settings)


class Shop:
    """A tenant of its own with one customer and one agent."""

    def __init__(self, tenant: Tenant, customer: httpx.AsyncClient, agent: httpx.AsyncClient) -> None:
        self.tenant, self.customer, self.agent = tenant, customer, agent

    async def audited(self, database: Database, handoff: str) -> list[tuple[str, str]]:
        async with database.tenant_tx(Principal(self.tenant.id, "worker")) as tx:
            cursor = await tx.execute(
                "select actor, action from audit where object = %s and actor = 'worker' order by id",
                (handoff,),
            )
            return [(row[0], row[1]) for row in await cursor.fetchall()]


async def open_shop(base_url: str, issuer: Issuer, tenant: Tenant) -> Shop:
    def client(email: str, role: str) -> httpx.AsyncClient:
        headers = bearer(issuer, email, role=role, tenant=tenant.slug)
        return httpx.AsyncClient(base_url=base_url, headers=headers, timeout=20)

    return Shop(tenant, client("ada@example.com", "user"), client("anne@desk.example", "agent"))


@pytest.fixture
async def shop(base_url: str, issuer: Issuer, database: Database) -> AsyncIterator[Shop]:
    """A shop whose people are always there."""
    shop = await open_shop(base_url, issuer, await add_tenant(database, ()))
    async with shop.customer, shop.agent:
        yield shop


@pytest.fixture
async def night_shop(base_url: str, issuer: Issuer, database: Database) -> AsyncIterator[Shop]:
    """A shop whose people are not there today."""
    shop = await open_shop(base_url, issuer, await add_tenant(database, (not_today(),)))
    async with shop.customer, shop.agent:
        yield shop


async def test_out_of_hours_a_request_becomes_a_ticket_and_the_assistant_goes_on(night_shop: Shop) -> None:
    ada, anne = night_shop.customer, night_shop.agent
    reply = await ask(ada, "let me talk to a person")
    opens = office_hours(night_shop.tenant.settings).next_opening(datetime.now(UTC))
    assert reply["reply"]["route"] == "handoff"
    assert "Our team is not here right now" in reply["reply"]["text"]
    assert spoken_time(opens) in reply["reply"]["text"]
    conversation = reply["conversation_id"]
    entry = await waiting(anne, conversation, "ticketed")
    assert datetime.fromisoformat(entry["due_at"]) == opens + timedelta(minutes=10)
    answer = await ask(ada, "Which cards do you take?", conversation_id=conversation)
    assert answer["timings_ms"]["route_intent"] > 0, "the assistant answers at night"
    again = await ask(ada, "let me talk to a person", conversation_id=conversation)
    assert "Our team is not here" in again["reply"]["text"]
    assert (await waiting(anne, conversation))["id"] == entry["id"], "one ticket, not two"
    assert (await act(anne, entry["id"], "claim")).json()["state"] == "human"
    assert "with my colleague" in (await ask(ada, "hi", conversation_id=conversation))["reply"]["text"]


async def test_the_ticket_speaks_the_customers_language(night_shop: Shop) -> None:
    reply = await ask(night_shop.customer, "ich möchte mit einem Mitarbeiter sprechen")
    assert "Unser Team ist gerade nicht da" in reply["reply"]["text"]
    entry = await waiting(night_shop.agent, reply["conversation_id"])
    assert entry["language"] == "de"
    await act(night_shop.agent, entry["id"], "claim")
    await act(night_shop.agent, entry["id"], "close")
    assert "beendet" in (await said(night_shop.customer, reply["conversation_id"]))[-1][1]


async def test_who_waits_too_long_raises_one_alarm(
    shop: Shop, services: Services, database: Database
) -> None:
    ada, anne = shop.customer, shop.agent
    conversation = await ask_for_person(ada)
    entry = await waiting(anne, conversation)
    due = datetime.fromisoformat(entry["due_at"])
    assert abs(due - datetime.now(UTC) - timedelta(minutes=10)) < timedelta(seconds=20)
    assert await shop_sweep(services, shop, due - timedelta(seconds=1)) == []
    async with listening(anne, "/api/v1/handoffs/events") as live:
        assert await shop_sweep(services, shop, due + timedelta(seconds=1)) == ["sla_due"]
        alarm = await live.next()
        assert (alarm["event"], alarm["data"]["handoff_id"]) == ("sla_due", entry["id"])
    assert await shop_sweep(services, shop, due + timedelta(hours=1)) == ["sla_due"], "said once"
    assert await shop.audited(database, entry["id"]) == [("worker", "handoff.sla_due")]
    await act(anne, entry["id"], "claim")
    await act(anne, entry["id"], "reply", {"text": "Sorry for the wait."})
    assert await shop_sweep(services, shop, due + timedelta(hours=2)) == ["sla_due"]


async def test_an_agent_who_went_away_is_noticed(shop: Shop, services: Services) -> None:
    conversation = await ask_for_person(shop.customer)
    handoff = (await waiting(shop.agent, conversation))["id"]
    await act(shop.agent, handoff, "claim")
    await act(shop.agent, handoff, "reply", {"text": "One moment."})
    assert (await waiting(shop.agent, conversation))["due_at"] is None
    await ask(shop.customer, "are you still there?", conversation_id=conversation)
    late = datetime.now(UTC) + timedelta(minutes=11)
    assert await shop_sweep(services, shop, late) == ["sla_due"]


async def test_closing_time_makes_a_ticket_of_who_still_waits(
    shop: Shop, services: Services, database: Database
) -> None:
    conversation = await ask_for_person(shop.customer)
    entry = await waiting(shop.agent, conversation)
    async with database.control_tx() as tx:
        await tx.execute(
            "update tenants set settings = jsonb_set(settings, '{office_hours}', to_jsonb(%s::text[]))"
            " where id = %s",
            ([not_today()], shop.tenant.id),
        )
    assert await shop_sweep(services, shop, datetime.now(UTC)) == ["ticketed"]
    role, text = (await said(shop.customer, conversation))[-1]
    assert role == "assistant"
    assert "Our team is not here right now" in text
    ticket = await waiting(shop.agent, conversation, "ticketed")
    assert ticket["id"] == entry["id"]
    assert datetime.fromisoformat(ticket["due_at"]) > datetime.now(UTC) + timedelta(days=1)
    assert await shop.audited(database, entry["id"]) == [("worker", "handoff.ticketed")]
    answer = await ask(shop.customer, "hi", conversation_id=conversation)
    assert answer["reply"]["route"] == "canned", "the assistant answers again"


async def test_a_tenant_with_wrong_settings_does_not_stop_the_others(
    shop: Shop, services: Services, database: Database
) -> None:
    first = await add_tenant(database, ("never",))
    async with database.control_tx() as tx:
        await tx.execute(
            "update tenants set slug = '0' || slug, settings = settings || '{\"wrong\": 1}' where id = %s",
            (first.id,),
        )
    try:
        conversation = await ask_for_person(shop.customer)
        await waiting(shop.agent, conversation)
        late = datetime.now(UTC) + timedelta(minutes=11)
        assert await shop_sweep(services, shop, late) == ["sla_due"]
    finally:
        async with database.control_tx() as tx:
            await tx.execute("delete from tenants where id = %s", (first.id,))


async def shop_sweep(services: Services, shop: Shop, now: datetime) -> list[str]:
    """Sweep all tenants; the timer's events of this shop so far. (Other tests' shops are swept too.)"""
    assert isinstance(await sweep(services, now), Swept)
    async with services.engine.database.tenant_tx(Principal(shop.tenant.id, "worker")) as tx:
        cursor = await tx.execute(
            "select event from handoff_events where event in ('sla_due', 'ticketed') order by number"
        )
        return [row[0] for row in await cursor.fetchall()]
