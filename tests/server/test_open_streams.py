"""Streams have caps: how many a caller, an address and a tenant hold open at a process, whatever they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import pytest

from desk.domain import Principal
from desk.embedded import Engines
from desk.storage import tenants
from tests.plugins.stores import temporary_home
from tests.server.replicas import Replica, begun, new_tenant, replica, replica_settings, until
from tests.server.wire import ask

SLOW = "say 12 every 0.05"


@pytest.fixture(scope="module")
async def strict(own_stores: Engines) -> AsyncIterator[Replica]:
    """A replica that holds few streams open."""
    with temporary_home() as home:
        settings = replica_settings(own_stores, Path(home), streams_per_user=2, streams_per_tenant=3)
        async with replica(settings) as place:
            yield place


async def test_the_caps_of_open_streams(strict: Replica) -> None:
    tenant = await new_tenant(strict)
    one, other = strict.client("one@x.org", tenant), strict.client("other@x.org", tenant)
    body = {"message": "hello"}
    async with one, other, begun(one, SLOW), begun(one, SLOW):
        refused = await one.post("/api/v1/chat/stream", json=body)
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) > 0
        async with begun(other, SLOW):
            assert (await other.post("/api/v1/chat/stream", json=body)).status_code == 429
    async with strict.client("one@x.org", tenant) as later:
        await asyncio.sleep(0.1)
        assert (await later.post("/api/v1/chat/stream", json=body)).status_code == 200


async def test_live_streams_count_as_open_ones(strict: Replica) -> None:
    tenant = await new_tenant(strict)
    async with strict.client("one@x.org", tenant) as one:
        live = f"/api/v1/conversations/{(await ask(one, 'hello'))['conversation_id']}/events"
        async with one.stream("GET", live) as first, one.stream("GET", live) as second:
            assert (first.status_code, second.status_code) == (200, 200)
            refused = await one.get(live)
            assert refused.status_code == 429
            assert int(refused.headers["retry-after"]) > 0

        async def free() -> bool:
            async with one.stream("GET", live) as again:
                return again.status_code == 200

        await until(free, 10)


@pytest.mark.parametrize("path", ["/api/v1/conversations/{conversation}/events", "/api/v1/chat/stream"])
async def test_streams_asked_for_at_once_are_no_more_than_the_cap(strict: Replica, path: str) -> None:
    tenant = await new_tenant(strict)
    async with AsyncExitStack() as open_ones, strict.client("one@x.org", tenant) as one:
        conversation = (await ask(one, "hello"))["conversation_id"]

        async def opened() -> int:
            asked = one.build_request("GET", path.format(conversation=conversation))
            if path.endswith("stream"):
                asked = one.build_request("POST", path, json={"message": SLOW})
            answer = await one.send(asked, stream=True)
            open_ones.push_async_callback(answer.aclose)
            return answer.status_code

        told = await asyncio.gather(*(opened() for _ in range(6)))
        assert sorted(told) == [200] * 2 + [429] * 4
        begun_turns = 1 + 2 * path.endswith("stream")
        assert await accepted_turns(strict, tenant) == begun_turns, "nobody is told 429 for a turn that runs"


async def test_a_message_that_is_not_accepted_holds_no_stream(strict: Replica) -> None:
    tenant = await new_tenant(strict)
    async with strict.client("one@x.org", tenant) as one:
        strange = {"message": "hello", "conversation_id": str(uuid4())}
        for _ in range(3):
            assert (await one.post("/api/v1/chat/stream", json=strange)).status_code == 404
        async with begun(one, SLOW), begun(one, SLOW):
            assert await accepted_turns(strict, tenant) == 2


async def accepted_turns(place: Replica, slug: str) -> int:
    """How many turns the tenant ever had."""
    database = place.desk.services.engine.database
    async with database.control_tx() as tx:
        tenant = await tenants.by_slug(tx, slug)
    assert tenant is not None
    async with database.tenant_tx(Principal(tenant.id, "worker")) as tx:
        row = await (await tx.execute("select count(*) from turns")).fetchone()
    assert row is not None
    return int(row[0])
