"""A process that dies while a confirmed action is being done: it is done once, or a person is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from desk.embedded import Engines
from desk.models.embeddings import MiniLM
from desk.settings import Settings
from server.app import create_app
from server.issuer import load_issuer
from tests.plugins.stores import temporary_home
from tests.server.conftest import bearer, demo_settings, served
from tests.server.doomed import doomed
from tests.server.wire import ask
from tests.servers.moody_shop import MoodyShop, moody_shop


@dataclass(frozen=True)
class Place:
    """A shop that counts, a server that takes over, and its customer."""

    shop: MoodyShop
    settings: Settings
    client: httpx.AsyncClient


@asynccontextmanager
async def opened(stores: Engines, *, deduplicate: bool) -> AsyncIterator[Place]:
    with temporary_home() as home:
        async with moody_shop(Path(home), deduplicate=deduplicate) as (shop, address):
            settings = demo_settings(stores, Path(home), address)
            async with served(create_app(settings)) as url:
                headers = bearer(load_issuer(settings), "ada@example.com")
                async with httpx.AsyncClient(base_url=url, headers=headers, timeout=40) as client:
                    yield Place(shop, settings, client)


async def confirm_and_die(stores: Engines, place: Place, point: str) -> tuple[str, dict[str, Any]]:
    """Confirm a return at a server that dies at `point`: the action's id, and what the next one answers."""
    offered = await ask(place.client, "I want to return order 100234")
    (action,) = offered["reply"]["actions"]
    body = {"confirm": action["id"], "conversation_id": offered["conversation_id"]}
    headers = {"idempotency-key": str(uuid4())}
    with temporary_home() as home:
        async with doomed(stores, place.settings, Path(home), point) as (url, process):
            with pytest.raises(httpx.HTTPError):
                await place.client.post(f"{url}/api/v1/chat/", json=body, headers=headers)
            assert process.wait(10) == -9
    async with await psycopg.AsyncConnection.connect(stores.migration_database_url) as conn:
        await conn.execute("update desk_control.turn_queue set lease_until = now()")  # as time would
    replied = await place.client.post("/api/v1/chat/", json=body, headers=headers)
    assert replied.status_code == 200, replied.text
    again = await place.client.post("/api/v1/chat/", json=body, headers=headers)
    assert again.json() == replied.json()
    return action["id"], replied.json()["reply"]


@pytest.mark.parametrize("point", ["effect_intended", "effect_asked", "effect_settled"])
async def test_it_is_done_once(own_stores: Engines, embedder: MiniLM, point: str) -> None:
    async with opened(own_stores, deduplicate=True) as place:
        key, reply = await confirm_and_die(own_stores, place, point)
        assert "Your return is open" in reply["text"]
        assert place.shop.times(key) == 1


async def test_where_the_shop_ignores_keys_it_is_never_done_twice(
    own_stores: Engines, embedder: MiniLM
) -> None:
    async with opened(own_stores, deduplicate=False) as place:
        key, reply = await confirm_and_die(own_stores, place, "effect_asked")
        assert "could not find out whether this was done" in reply["text"]
        assert reply["route"] == "handoff"
        assert place.shop.times(key) == 1
