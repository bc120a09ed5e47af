"""A tenant that stands in line for the database: its new turns are refused, what runs comes to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from desk.domain import Principal
from desk.embedded import Engines
from graphs.runtime.running import longest_turn_of
from tests.graphs.speaking import words
from tests.plugins.stores import temporary_home
from tests.server.replicas import Replica, begun, new_tenant, replica, replica_settings, rest_of, spoken

STATEMENTS = 30
QUICK = {"message": "say 1 every 0"}


@pytest.fixture(scope="module")
async def place(own_stores: Engines) -> AsyncIterator[Replica]:
    with temporary_home() as home:
        async with replica(replica_settings(own_stores, Path(home))) as found:
            yield found


async def test_where_a_tenant_stands_in_line_new_turns_are_turned_away_and_running_ones_are_committed(
    place: Replica,
) -> None:
    engine = place.desk.services.engine
    slug = await new_tenant(place)
    worker = Principal((await engine.tenants.get(slug)).id, "worker")

    async def be_slow() -> None:
        async with engine.database.tenant_tx(worker) as tx:
            await tx.execute("select pg_sleep(0.5)")

    ann, bob = place.client("ann@x.org", slug), place.client("bob@x.org", await new_tenant(place))
    async with ann, bob, AsyncExitStack() as stack:
        for one in (ann, bob):  # the first turn of all takes longer than who somebody is, is remembered
            await one.post("/api/v1/chat/", json=QUICK)
        turn, lines = await stack.enter_async_context(begun(ann, "say 10 every 0.1", tokens=1))
        statements = [asyncio.create_task(be_slow()) for _ in range(STATEMENTS)]
        await asyncio.sleep(0.2)
        refused = await ann.post("/api/v1/chat/", json=QUICK)
        assert (refused.status_code, refused.headers.get("retry-after")) == (429, "1"), refused.text
        assert (await bob.post("/api/v1/chat/", json=QUICK)).status_code == 200
        rest = await rest_of(lines)
        assert rest[-1]["event"] == "done"
        assert spoken(turn.events + rest) == words(10)
        await asyncio.gather(*statements)
        assert (await ann.post("/api/v1/chat/", json=QUICK)).status_code == 200


def test_a_turn_has_the_time_that_its_models_may_take(own_stores: Engines, tmp_path: Path) -> None:
    assert longest_turn_of(replica_settings(own_stores, tmp_path)) == 60
    assert longest_turn_of(replica_settings(own_stores, tmp_path, model_timeout_seconds=240)) == 270
