"""The demo bookshop under chaos: the support graph, its order service, and a model that obeys the test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from server.demo.effects import EffectStore
from server.demo.load import load_demo
from server.demo.shop import ShopApi
from tests.chaos.fleet import Fleet, Replica
from tests.chaos.stage import Stage
from tests.server.conftest import SERVICE_KEY, served
from tests.servers.openai_wire import Wire, openai_wire

SLUG = "bookshop"


@dataclass(frozen=True, slots=True)
class Bookshop:
    """The demo tenant, loaded; its replicas ask `wire` as their model."""

    wire: Wire
    _fleet: Fleet
    _environment: dict[str, str]

    async def replica(self, *, take_orphans: bool = True, **environment: str) -> Replica:
        """A replica that runs the support graph."""
        chosen = self._environment | environment
        return await self._fleet.start(scripted=False, take_orphans=take_orphans, environment=chosen)


@asynccontextmanager
async def open_bookshop(stage: Stage) -> AsyncIterator[Bookshop]:
    """The shop for the life of the context."""
    await load_demo(stage.services)
    shop = ShopApi(EffectStore(stage.home / "effects.sqlite"), SERVICE_KEY).app()
    async with served(shop) as shop_url, openai_wire() as wire:
        environment = {
            "OPENAI_BASE_URL": wire.base_url,
            "OPENAI_API_KEY": "a key of the tests",
            "DESK_OPENAI_MODEL": "local-model",
            "DESK_SHOP_API_URL": shop_url,
            "DESK_SHOP_API_KEY": SERVICE_KEY,
        }
        yield Bookshop(wire, stage.fleet, environment)
