"""What handoffs owe: each event, in the transaction of what happened, ids alone; an ordinary turn nothing."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from desk.domain import ConversationId, HandoffId, Principal, Tenant, TenantSettings
from desk.errors import Conflict
from desk.storage import handoff_events, handoffs, tenants
from desk.storage.pool import Database
from graphs.handoffs.office_hours import DAYS
from server.issuer import Issuer
from tests.server.handoff_wire import act, ask_for_person, somebody, waiting
from tests.server.wire import ask

# Nobody answers there: what is owed stays in the outbox, to be looked at.
HOOK = "https://127.0.0.1/hook"
MAILED = ("anne@desk.example", "ben@desk.example")
SECRET = "my mail is ada.hidden@example.org and my parcel with the teapot is wet"


@dataclass
class Shop:
    """A tenant with one customer and two agents."""

    tenant: Tenant
    database: Database
    ada: httpx.AsyncClient
    anne: httpx.AsyncClient
    ben: httpx.AsyncClient

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        async with self.database.tenant_tx(Principal(self.tenant.id, "worker")) as tx:
            return await (await tx.execute(query.encode())).fetchall()

    async def owed(self, channel: str) -> list[str]:
        """Kinds in the order in which they happened."""
        rows = await self.rows(f"select kind from deliveries where channel = '{channel}' order by created_at")
        return [row[0] for row in rows]


@pytest.fixture
async def open_shop(base_url: str, issuer: Issuer, database: Database) -> AsyncIterator[Any]:
    """Opens shops whose settings a test chooses."""
    async with contextlib.AsyncExitStack() as stack:

        async def opened(**settings: Any) -> Shop:
            async with database.control_tx() as tx:
                slug = f"owed-{uuid4().hex[:12]}"
                tenant = await tenants.create(tx, slug, "A shop", TenantSettings(**settings))
            people = [
                await stack.enter_async_context(somebody(base_url, issuer, email, role, slug))
                for email, role in (("ada@x.example", "user"), (MAILED[0], "agent"), (MAILED[1], "agent"))
            ]
            return Shop(tenant, database, *people)

        yield opened


async def test_a_whole_handoff_owes_each_of_its_events_once(open_shop: Any) -> None:
    shop: Shop = await open_shop(webhook_url=HOOK, handoff_mail_to=MAILED)
    conversation = await ask_for_person(shop.ada)
    handoff = (await waiting(shop.anne, conversation))["id"]
    await ask(shop.ada, SECRET, conversation_id=conversation)
    await act(shop.anne, handoff, "claim")
    await act(shop.anne, handoff, "reply", {"text": "Sorry! A new teapot is on its way."})
    await ask(shop.ada, "Thanks, to ada.hidden@example.org please", conversation_id=conversation)
    async with shop.database.tenant_tx(Principal(shop.tenant.id, "worker")) as tx:
        await handoff_events.add(tx, HandoffId(UUID(handoff)), "sla_due")
    await act(shop.anne, handoff, "transfer", {"to": None})
    await act(shop.ben, handoff, "claim")
    await act(shop.ben, handoff, "return")

    kinds = ["queued", "message", "claimed", "message", "sla_due", "queued", "claimed", "returned"]
    assert await shop.owed("webhook") == [f"handoff.{kind}" for kind in kinds]
    assert await shop.owed("mail") == [
        f"handoff.{kind}" for kind in ("queued", "sla_due", "queued") for _ in MAILED
    ]

    rows = await shop.rows("select channel, kind, ids, d::text from deliveries d")
    for channel, kind, ids, row in rows:
        wanted = {"handoff_id", "conversation_id"}
        wanted |= {"recipient_id"} if channel == "mail" else set()
        wanted |= {"message_id"} if kind == "handoff.message" else set()
        assert ids.keys() == wanted
        assert all(str(UUID(value)) == value for value in ids.values()), "ids, never words"
        assert (ids["handoff_id"], ids["conversation_id"]) == (handoff, conversation)
        assert not any(word in row for word in ("hidden", "teapot", "anne", "ada@", "@"))
    messages = {str(row[0]) for row in await shop.rows("select id from messages where role = 'user'")}
    assert {ids["message_id"] for _, kind, ids, _ in rows if kind == "handoff.message"} < messages


async def test_what_is_closed_is_told(open_shop: Any) -> None:
    shop: Shop = await open_shop(webhook_url=HOOK)
    handoff = (await waiting(shop.anne, await ask_for_person(shop.ada)))["id"]
    await act(shop.anne, handoff, "claim")
    await act(shop.anne, handoff, "close")
    assert await shop.owed("webhook") == ["handoff.queued", "handoff.claimed", "handoff.closed"]
    assert await shop.owed("mail") == []


async def test_a_ticket_is_told_once_however_often_it_is_asked_for(open_shop: Any) -> None:
    closed = tuple(f"{day} 00:00-00:01" for day in DAYS)
    shop: Shop = await open_shop(webhook_url=HOOK, handoff_mail_to=MAILED[:1], office_hours=closed)
    conversation = await ask_for_person(shop.ada)
    for _ in range(3):
        await ask_for_person(shop.ada, conversation_id=conversation)
    assert await shop.owed("webhook") == ["handoff.ticketed"]
    assert await shop.owed("mail") == ["handoff.ticketed"]
    assert [row[0] for row in await shop.rows("select event from handoff_events")] == ["ticketed"]


async def test_who_wants_to_hear_nothing_has_no_row(open_shop: Any) -> None:
    shop: Shop = await open_shop()
    handoff = (await waiting(shop.anne, await ask_for_person(shop.ada)))["id"]
    await act(shop.anne, handoff, "claim")
    assert await shop.rows("select 1 from deliveries") == []
    assert (
        await shop.rows(f"select 1 from procrastinate_jobs where args ->> 'tenant_id' = '{shop.tenant.id}'")
        == []
    )


async def test_an_ordinary_turn_owes_nothing_and_looks_for_nothing(open_shop: Any, owner_url: str) -> None:
    """While nobody can even read the outbox, the log and the jobs, such a turn is answered as ever."""
    shop: Shop = await open_shop(webhook_url=HOOK, handoff_mail_to=MAILED)
    conversation = (await ask(shop.ada, "hi"))["conversation_id"]
    async with await psycopg.AsyncConnection.connect(owner_url) as owner:
        await owner.execute("set lock_timeout = '10s'")
        await owner.execute(
            "lock table desk_control.deliveries, shared.handoff_events, desk_control.procrastinate_jobs"
            " in access exclusive mode"
        )
        answered = await ask(shop.ada, "Which cards do you take?", conversation_id=conversation)
    assert "Visa" in answered["reply"]["text"]
    assert await shop.owed("webhook") == []
    assert await shop.owed("mail") == []


async def test_an_event_that_is_rolled_back_is_owed_by_nobody(open_shop: Any) -> None:
    shop: Shop = await open_shop(webhook_url=HOOK)
    conversation = ConversationId(UUID(await ask_for_person(shop.ada)))
    with contextlib.suppress(Conflict):
        async with shop.database.tenant_tx(Principal(shop.tenant.id, "worker")) as tx:
            handoff = await handoffs.get_open(tx, conversation)
            assert handoff is not None
            await handoff_events.add(tx, handoff.id, "sla_due")
            raise Conflict
    assert await shop.owed("webhook") == ["handoff.queued"]


async def test_one_shops_events_are_owed_to_no_other(open_shop: Any) -> None:
    shop, rival = await open_shop(webhook_url=HOOK), await open_shop(webhook_url=HOOK, handoff_mail_to=MAILED)
    await ask_for_person(shop.ada)
    assert await shop.owed("webhook") == ["handoff.queued"]
    assert await rival.rows("select 1 from deliveries") == []
