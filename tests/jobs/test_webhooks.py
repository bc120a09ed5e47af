"""Webhooks arrive signed at a real receiver, are tried again, die after five tries, and reach nobody else."""

from __future__ import annotations

import contextlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from desk.domain import Principal, Tenant, TenantId, TenantSettings, new_id
from desk.errors import Conflict
from desk.storage import webhook_deliveries
from desk.storage.pool import Database
from server.jobs.registry import tenants_with_deliveries
from server.jobs.webhooks import deliver_webhooks, sign, webhook_secret
from server.jobs.workplace import Workplace
from tests.tools.local_server import LocalServer, answer, serving

SECRET_PATH = "/hook"


@pytest.fixture
async def receiver() -> AsyncIterator[LocalServer]:
    """A service that says a plain `ok`, as most do."""
    async with serving({SECRET_PATH: answer(b"ok", kind="text/plain")}) as server:
        yield server


@pytest.fixture
def told(tenant: Tenant, receiver: LocalServer) -> Tenant:
    """The tenant, which wants to be told at the receiver."""
    return replace(tenant, settings=TenantSettings(webhook_url=receiver.url(SECRET_PATH)))


@pytest.fixture
def near(place: Workplace, receiver: LocalServer) -> Workplace:
    """A workplace whose operator lets webhooks reach the receiver."""
    settings = place.settings.model_copy(update={"webhook_hosts": (receiver.origin,)})
    return replace(place, settings=settings)


async def owe(database: Database, tenant: Tenant, kind: str = "handoff.queued", **ids: UUID) -> UUID:
    async with database.tenant_tx(Principal(tenant.id, "worker")) as tx:
        return await webhook_deliveries.add(tx, tenant.id, kind, **ids)


async def state_of(database: Database, delivery_id: UUID) -> tuple[Any, ...] | None:
    """State, tries, and seconds until it is due."""
    async with database.control_tx() as tx:
        cursor = await tx.execute(
            "select state, tries, extract(epoch from due_at - now())::float8 from webhook_deliveries"
            " where id = %s",
            (delivery_id,),
        )
        return await cursor.fetchone()


async def make_due(database: Database, delivery_id: UUID) -> None:
    async with database.control_tx() as tx:
        await tx.execute("update webhook_deliveries set due_at = now() where id = %s", (delivery_id,))


def heard(request: bytes) -> tuple[dict[str, str], bytes]:
    """The headers in lower case, and the body."""
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}, body


async def test_a_delivery_arrives_once_with_a_signature_that_holds(
    database: Database, near: Workplace, told: Tenant, receiver: LocalServer
) -> None:
    handoff = new_id()
    delivery_id = await owe(database, told, handoff_id=handoff)
    assert told.id in await tenants_with_deliveries(near)
    assert not await deliver_webhooks(near, told)
    assert not await deliver_webhooks(near, told)
    assert told.id not in await tenants_with_deliveries(near)

    (request,) = receiver.heard
    headers, body = heard(request)
    told_of = json.loads(body)
    assert (told_of["id"], told_of["kind"]) == (str(delivery_id), "handoff.queued")
    assert told_of["ids"] == {"handoff_id": str(handoff)}
    timestamp, mac = (part.partition("=")[2] for part in headers["x-desk-signature"].split(","))
    secret = webhook_secret(near.master, told.id).encode()
    assert mac == hmac.new(secret, timestamp.encode() + b"." + body, "sha256").hexdigest()
    state = await state_of(database, delivery_id)
    assert state is not None
    assert state[:2] == ("delivered", 1)


def test_a_signature_holds_for_its_body_second_and_secret_only() -> None:
    values = {sign(secret, at, body) for secret in ("a", "b") for at in (1, 2) for body in (b"x", b"y")}
    assert len(values) == 8


async def test_tenants_have_secrets_of_their_own(place: Workplace, tenant: Tenant) -> None:
    other = replace(tenant, id=TenantId(new_id()))
    assert webhook_secret(place.master, tenant.id) != webhook_secret(place.master, other.id)


@pytest.mark.parametrize("status", ["500 Broken", "302 Found", "404 Not Found"])
async def test_an_unheard_delivery_is_tried_five_times_and_then_dead_until_retried(
    database: Database, near: Workplace, told: Tenant, receiver: LocalServer, status: str
) -> None:
    receiver.answers[SECRET_PATH] = answer(b"no", status=status, extra="Location: /other\r\n")
    delivery_id = await owe(database, told)
    waits = []
    for _ in range(5):
        await deliver_webhooks(near, told)
        state = await state_of(database, delivery_id)
        assert state is not None
        waits.append((state[0], state[1], state[2]))
        await deliver_webhooks(near, told)  # not due: nothing is sent
        await make_due(database, delivery_id)
    assert len(receiver.heard) == 5
    assert [(state, tries) for state, tries, _ in waits] == [
        *(("waiting", tries) for tries in (1, 2, 3, 4)),
        ("dead", 5),
    ]
    for (_, _, wait), longest in zip(waits, (10, 60, 600, 3600), strict=False):
        assert 0.45 * longest < wait <= longest
    assert len({heard(request)[1] for request in receiver.heard}) == 1

    receiver.answers[SECRET_PATH] = answer(b"", status="204 No Content")
    async with database.control_tx() as tx:
        assert delivery_id in {dead.id for dead in await webhook_deliveries.list_dead(tx, limit=1000)}
        assert await webhook_deliveries.retry(tx, delivery_id)
        assert not await webhook_deliveries.retry(tx, delivery_id)
    await deliver_webhooks(near, told)
    state = await state_of(database, delivery_id)
    assert state is not None
    assert state[:2] == ("delivered", 1)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/hook",
        "http://localhost:{port}/hook",
        "https://127.0.0.1/hook",
        "http://169.254.169.254/latest/meta-data",
        "http://user:word@127.0.0.1:{port}/hook",
        "gopher://127.0.0.1:{port}/hook",
        "nonsense",
    ],
)
async def test_a_tenant_cannot_reach_into_the_private_network(
    database: Database, place: Workplace, tenant: Tenant, receiver: LocalServer, url: str
) -> None:
    settings = TenantSettings(webhook_url=url.format(port=receiver.port))
    delivery_id = await owe(database, tenant)
    await deliver_webhooks(place, replace(tenant, settings=settings))
    assert receiver.heard == []
    state = await state_of(database, delivery_id)
    assert state is not None
    assert state[:2] == ("waiting", 1)


async def test_a_tenant_that_wants_no_webhooks_owes_none(
    database: Database, place: Workplace, tenant: Tenant
) -> None:
    delivery_id = await owe(database, tenant)
    assert not await deliver_webhooks(place, tenant)
    assert await state_of(database, delivery_id) is None


async def test_a_tenants_job_sends_only_what_is_theirs(
    database: Database, near: Workplace, told: Tenant, receiver: LocalServer
) -> None:
    foreign = replace(told, id=TenantId(new_id()))
    delivery_id = await owe(database, foreign)
    await deliver_webhooks(near, told)
    assert receiver.heard == []
    state = await state_of(database, delivery_id)
    assert state is not None
    assert state[:2] == ("waiting", 0)
    async with near.tx(told) as tx:
        changed = await tx.execute("update webhook_deliveries set state = 'dead'")
        assert changed.rowcount == 0


async def test_an_event_of_a_rolled_back_transaction_is_never_told(
    database: Database, near: Workplace, told: Tenant, receiver: LocalServer
) -> None:
    with contextlib.suppress(Conflict):
        async with database.tenant_tx(Principal(told.id, "worker")) as tx:
            await webhook_deliveries.add(tx, told.id, "handoff.queued")
            raise Conflict
    await deliver_webhooks(near, told)
    assert receiver.heard == []
