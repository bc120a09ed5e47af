"""A worker killed between sending and noting: the same event is told again, under its id, and not lost."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from desk.domain import Principal, Tenant, TenantSettings, new_id
from desk.embedded import Engines
from desk.mail.smtp import SmtpMailer, read_smtp_url
from desk.storage import deliveries, tenants
from desk.storage.pool import Database
from desk.storage.tenants import TenantDirectory
from server.jobs.mail import deliver_mail
from server.jobs.webhooks import deliver_webhooks
from server.jobs.workplace import Workplace
from tests.conftest import MASTER_KEY, MODELS
from tests.jobs.test_mail import ask_for_person
from tests.servers.smtp_sink import SmtpSink, sinking
from tests.tools.local_server import LocalServer, answer, serving

MAILED = "anne@desk.example"


@pytest.fixture
async def own_database(own_stores: Engines) -> AsyncIterator[Database]:
    """A database in which nobody else is owed anything."""
    database = Database(own_stores.database_url, size=4)
    await database.open()
    yield database
    await database.close()


async def killed_worker(
    stores: Engines, home: Path, receiver: LocalServer, sink: SmtpSink, crash_at: str
) -> int:
    """What `desk worker`, in a process of its own, ends with: it kills itself at the named point."""
    environment = os.environ | {
        "DATABASE_URL": stores.database_url,
        "REDIS_URL": stores.redis_url or "",
        "DESK_HOME": str(home),
        "DESK_MODELS_DIR": str(MODELS),
        "DESK_MASTER_KEY": MASTER_KEY,
        "DESK_WEBHOOK_HOSTS": json.dumps([receiver.origin]),
        "DESK_SMTP_URL": f"smtp://127.0.0.1:{sink.port}",
        "DESK_MAIL_FROM": "Desk <chat@desk.example>",
        "DESK_LOG_LEVEL": "error",
        "DESK_CRASH_AT": crash_at,
    }
    command = (sys.executable, "-m", "server.cli", "worker")
    process = await asyncio.create_subprocess_exec(*command, env=environment)
    try:
        return await asyncio.wait_for(process.wait(), 90)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def state_of(database: Database, delivery_id: UUID) -> str:
    async with database.control_tx() as tx:
        row = await (
            await tx.execute("select state from deliveries where id = %s", (delivery_id,))
        ).fetchone()
    assert row is not None
    return str(row[0])


async def owe(database: Database, channel: deliveries.Channel, receiver: LocalServer) -> tuple[Tenant, UUID]:
    url, mailed = (receiver.url("/hook"), ()) if channel == "webhook" else (None, (MAILED,))
    async with database.control_tx() as tx:
        settings = TenantSettings(webhook_url=url, handoff_mail_to=mailed)
        shop = await tenants.create(tx, f"killed-{new_id().hex[-12:]}", "A shop", settings)
    await ask_for_person(database, shop)
    async with database.tenant_tx(Principal(shop.id, "worker")) as tx:
        [(delivery_id,)] = await (await tx.execute("select id from deliveries")).fetchall()
    return shop, delivery_id


@pytest.mark.parametrize(("channel", "deliver"), [("webhook", deliver_webhooks), ("mail", deliver_mail)])
async def test_a_worker_killed_after_sending_leaves_it_to_be_told_again(
    own_stores: Engines,
    own_database: Database,
    place: Workplace,
    channel: deliveries.Channel,
    deliver: Callable[[Workplace, Tenant], Awaitable[bool]],
) -> None:
    async with serving({"/hook": answer(b"ok")}) as receiver, sinking() as sink:
        shop, delivery_id = await owe(own_database, channel, receiver)
        home = place.settings.home
        assert await killed_worker(own_stores, home, receiver, sink, f"{channel}_sent") == -9
        assert len(receiver.heard) + len(sink.taken) == 1
        assert await state_of(own_database, delivery_id) == "waiting", "sent, but nobody lived to note it"

        near = other_worker(place, own_database, receiver, sink)
        assert not await deliver(near, shop)
        assert len(receiver.heard) + len(sink.taken) == 1, "for half a minute it is the dead one's"
        async with own_database.control_tx() as tx:
            await tx.execute("update deliveries set due_at = now() where id = %s", (delivery_id,))
        await deliver(near, shop)
        assert await state_of(own_database, delivery_id) == "delivered"
    told = [json.loads(request.rpartition(b"\r\n\r\n")[2])["id"] for request in receiver.heard]
    told += [str(message["Message-ID"]) for message in sink.taken]
    assert len(told) == 2
    assert len(set(told)) == 1
    assert str(delivery_id) in told[0]


def other_worker(place: Workplace, database: Database, receiver: LocalServer, sink: SmtpSink) -> Workplace:
    mailer = SmtpMailer(read_smtp_url(f"smtp://127.0.0.1:{sink.port}"), "Desk <chat@desk.example>")
    settings = place.settings.model_copy(update={"webhook_hosts": (receiver.origin,)})
    directory = TenantDirectory(database)
    return replace(place, database=database, tenants=directory, mailer=mailer, settings=settings)
