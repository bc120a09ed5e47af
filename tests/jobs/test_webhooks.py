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
from desk.storage import deliveries, tenants
from desk.storage.pool import Database
from server.jobs.registry import owed_by
from server.jobs.webhooks import deliver_webhooks, sign, webhook_secret
from server.jobs.workplace import Workplace
from tests.tools.local_server import HANG, LocalServer, answer, serving

SECRET_PATH = "/hook"


@pytest.fixture
async def receiver() -> AsyncIterator[LocalServer]:
    """A service that says a plain `ok`, as most do."""
    async with serving({SECRET_PATH: answer(b"ok", kind="text/plain")}) as server:
        yield server


async def add_shop(database: Database, url: str) -> Tenant:
    """A tenant that wants to be told there."""
    async with database.control_tx() as tx:
        slug = f"told-{new_id().hex[-12:]}"
        return await tenants.create(tx, slug, "A shop", TenantSettings(webhook_url=url))


async def want_nothing(database: Database, tenant: Tenant) -> None:
    """Take the tenant's `webhook_url` away."""
    async with database.control_tx() as tx:
        await tx.execute(
            "update tenants set settings = settings || '{\"webhook_url\": null}' where id = %s", (tenant.id,)
        )


@pytest.fixture
async def told(database: Database, receiver: LocalServer) -> Tenant:
    """A tenant that wants to be told at the receiver."""
    return await add_shop(database, receiver.url(SECRET_PATH))


@pytest.fixture
def near(place: Workplace, receiver: LocalServer) -> Workplace:
    """A workplace whose operator lets webhooks reach the receiver."""
    settings = place.settings.model_copy(update={"webhook_hosts": (receiver.origin,)})
    return replace(place, settings=settings)


async def owe(database: Database, tenant: Tenant, kind: str = "handoff.queued", **ids: UUID) -> UUID:
    """The id of the delivery that is owed now."""
    async with database.tenant_tx(Principal(tenant.id, "worker")) as tx:
        assert await deliveries.owe(tx, kind, by_mail=False, **ids) == 1
        cursor = await tx.execute(
            "select id from deliveries where tenant_id = %s and kind = %s", (tenant.id, kind)
        )
        [(delivery_id,)] = await cursor.fetchall()
        assert isinstance(delivery_id, UUID)
        return delivery_id


async def state_of(database: Database, delivery_id: UUID) -> tuple[Any, ...] | None:
    """State, tries, and seconds until it is due."""
    async with database.control_tx() as tx:
        cursor = await tx.execute(
            "select state, tries, extract(epoch from due_at - now())::float8 from deliveries where id = %s",
            (delivery_id,),
        )
        return await cursor.fetchone()


async def make_due(database: Database, delivery_id: UUID) -> None:
    async with database.control_tx() as tx:
        await tx.execute("update deliveries set due_at = now() where id = %s", (delivery_id,))


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
    assert told.id in await owed_by("webhook")(near)
    assert told.id not in await owed_by("mail")(near)
    assert not await deliver_webhooks(near, told)
    assert not await deliver_webhooks(near, told)
    assert told.id not in await owed_by("webhook")(near)

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
        assert delivery_id in {dead.id for dead in await deliveries.list_dead(tx, limit=1000)}
        assert await deliveries.retry(tx, delivery_id)
        assert not await deliveries.retry(tx, delivery_id)
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
    database: Database, place: Workplace, receiver: LocalServer, url: str
) -> None:
    shop = await add_shop(database, url.format(port=receiver.port))
    delivery_id = await owe(database, shop)
    await deliver_webhooks(place, shop)
    assert receiver.heard == []
    state = await state_of(database, delivery_id)
    assert state is not None
    assert state[:2] == ("waiting", 1)


async def test_a_tenant_without_a_webhook_url_owes_none(
    database: Database, place: Workplace, tenant: Tenant
) -> None:
    async with place.tx(tenant) as tx:
        assert await deliveries.owe(tx, "handoff.queued", by_mail=True, handoff_id=new_id()) == 0
        cursor = await tx.execute("select count(*) from deliveries")
        assert await cursor.fetchone() == (0,)


async def test_what_is_owed_is_needless_when_the_tenant_wants_it_no_more(
    database: Database, near: Workplace, told: Tenant, receiver: LocalServer
) -> None:
    await near.tenants.get(told.id)  # remembered as it was
    delivery_id = await owe(database, told)
    await want_nothing(database, told)
    assert not await deliver_webhooks(near, told)
    state = await state_of(database, delivery_id)
    assert state is not None
    assert state[0] == "needless"
    assert receiver.heard == []


async def test_a_webhook_url_that_was_just_set_is_used_whatever_is_remembered(
    database: Database, near: Workplace, told: Tenant, receiver: LocalServer
) -> None:
    stale = replace(told, settings=TenantSettings())
    delivery_id = await owe(database, told)
    await deliver_webhooks(near, stale)
    state = await state_of(database, delivery_id)
    assert state is not None
    assert (state[0], len(receiver.heard)) == ("delivered", 1)


async def test_a_tenants_job_sends_only_what_is_theirs(
    database: Database, near: Workplace, told: Tenant, receiver: LocalServer
) -> None:
    foreign = await add_shop(database, receiver.url("/foreign"))
    delivery_id = await owe(database, foreign)
    await deliver_webhooks(near, told)
    assert receiver.heard == []
    state = await state_of(database, delivery_id)
    assert state is not None
    assert state[:2] == ("waiting", 0)
    async with near.tx(told) as tx:
        changed = await tx.execute("update deliveries set state = 'dead'")
        assert changed.rowcount == 0


async def test_a_receiver_that_fails_then_hangs_then_answers_hears_it_in_the_end(
    database: Database, near: Workplace, told: Tenant, receiver: LocalServer
) -> None:
    handoff = new_id()
    delivery_id = await owe(database, told, handoff_id=handoff)
    for behave in (answer(b"no", status="503 Away"), HANG, answer(b"", status="204 No Content")):
        receiver.answers[SECRET_PATH] = behave
        await make_due(database, delivery_id)
        await deliver_webhooks(near, told)
    state = await state_of(database, delivery_id)
    assert state is not None
    assert state[:2] == ("delivered", 3)
    bodies = {heard(request)[1] for request in receiver.heard}
    assert (len(receiver.heard), len(bodies)) == (3, 1), "the same event each time"


async def test_an_event_of_a_rolled_back_transaction_is_never_told(
    database: Database, near: Workplace, told: Tenant, receiver: LocalServer
) -> None:
    with contextlib.suppress(Conflict):
        async with database.tenant_tx(Principal(told.id, "worker")) as tx:
            await deliveries.owe(tx, "handoff.queued")
            raise Conflict
    await deliver_webhooks(near, told)
    assert receiver.heard == []
