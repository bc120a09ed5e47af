"""The services of the demo bookshop, with a place for the model that a test brings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from desk.embedded import Engines
from desk.models.embeddings import MiniLM
from desk.settings import Settings
from graphs.registry import open_services
from graphs.services import Services
from server.demo.effects import EffectStore
from server.demo.load import load_demo
from server.demo.shop import ShopApi
from tests.graphs.conversing import Customer
from tests.plugins.stores import temporary_home
from tests.server.conftest import SERVICE_KEY, demo_settings, served


@pytest.fixture(scope="session")
async def demo(migrated: Engines, embedder: MiniLM) -> AsyncIterator[Settings]:
    """Settings of a bookshop whose order service runs beside it."""
    with temporary_home() as home:
        folder = Path(home)
        async with served(ShopApi(EffectStore(folder / "effects.sqlite"), SERVICE_KEY).app()) as shop_url:
            yield demo_settings(migrated, folder, shop_url)


@pytest.fixture(scope="session")
async def bookshop(demo: Settings) -> AsyncIterator[Services]:
    """The bookshop's services, without a model."""
    assert demo.database_url is not None
    url = demo.database_url.get_secret_value()
    async with open_services(demo, url, on_degraded=lambda _what, _instead: None) as services:
        await load_demo(services)
        yield services


@pytest.fixture
async def ada(bookshop: Services) -> AsyncIterator[Customer]:
    """Ada, who owns order 100234, in a conversation of her own; the model is taken away at the end."""
    yield await Customer.of(bookshop, "ada@example.com")
    bookshop.engine.model = None
