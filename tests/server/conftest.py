"""The real application on a real port, with the demo bookshop and its order service."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from pydantic import SecretStr
from starlette.types import ASGIApp

from desk.embedded import Engines
from desk.models.embeddings import MiniLM
from desk.settings import Settings
from server.app import create_app
from server.demo.effects import EffectStore
from server.demo.shop import ShopApi
from server.issuer import Issuer, load_issuer
from server.listening import Punctual
from tests.conftest import MODELS, keep_master_key
from tests.plugins.stores import temporary_home
from tests.servers.openai_wire import Wire, openai_wire

SERVICE_KEY = "a service key of the tests"
# One for all applications of a session: they share a database, and take over each other's turns.


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    """The application on a free port of this machine, for the life of the context; gives its base address."""
    # asyncio turns Nagle's algorithm off only where the protocol is named; with it every answer takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        loop="asyncio",
        http=Punctual,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        if serving.done():
            serving.result()
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    with contextlib.suppress(asyncio.CancelledError):
        await serving


@pytest.fixture(scope="session")
async def settings(migrated: Engines, embedder: MiniLM) -> AsyncIterator[Settings]:
    """Settings of a demo application whose order service runs beside it."""
    with temporary_home() as home:
        folder = Path(home)
        shop = ShopApi(EffectStore(folder / "effects.sqlite"), SERVICE_KEY).app()
        async with served(shop) as shop_url:
            yield demo_settings(migrated, folder, shop_url)


def demo_settings(stores: Engines, home: Path, shop_url: str, **changes: Any) -> Settings:
    """Settings of the demo on the given stores."""
    keep_master_key(home)
    values: dict[str, Any] = {
        "home": home,
        "models_dir": MODELS,
        "database_url": SecretStr(stores.database_url),
        "migration_database_url": SecretStr(stores.migration_database_url),
        "redis_url": SecretStr(stores.redis_url) if stores.redis_url else None,
        "shop_api_url": shop_url,
        "shop_api_key": SecretStr(SERVICE_KEY),
        "demo": True,
        "langserve": True,
        "metrics": True,
        "rate_limit_per_minute": 100_000,
        "rate_limit_per_hour": 1_000_000,
        "address_rate_limit_per_minute": 1_000_000,
        "address_rate_limit_per_hour": 10_000_000,
        "tenant_rate_limit_per_minute": 1_000_000,
        "tenant_rate_limit_per_hour": 10_000_000,
        "openai_api_key": None,
        "openai_base_url": None,
        "llama_model_path": None,
    }
    return Settings().model_copy(update=values | changes)


@pytest.fixture(scope="session")
async def base_url(settings: Settings) -> AsyncIterator[str]:
    """Address of the running application."""
    async with served(create_app(settings)) as url:
        yield url


@pytest.fixture(scope="session")
def issuer(settings: Settings) -> Issuer:
    """The application's own issuer."""
    return load_issuer(settings)


def bearer(
    issuer: Issuer, email: str, role: Any = "user", tenant: str = "bookshop", seconds: int = 600
) -> dict[str, str]:
    """The headers of a person's request."""
    token = issuer.sign(tenant=tenant, email=email, role=role, seconds=seconds)
    return {"authorization": f"Bearer {token}"}


@pytest.fixture
async def anyone(base_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client that is nobody."""
    async with httpx.AsyncClient(base_url=base_url, timeout=30) as client:
        yield client


@pytest.fixture
async def ada(base_url: str, issuer: Issuer) -> AsyncIterator[httpx.AsyncClient]:
    """Ada, who owns order 100234."""
    headers = bearer(issuer, "ada@example.com")
    async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=30) as client:
        yield client


@pytest.fixture
async def grace(base_url: str, issuer: Issuer) -> AsyncIterator[httpx.AsyncClient]:
    """Grace, another customer of the same shop."""
    headers = bearer(issuer, "grace@example.com")
    async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=30) as client:
        yield client


@pytest.fixture
async def anne(base_url: str, issuer: Issuer) -> AsyncIterator[httpx.AsyncClient]:
    """Anne, an agent."""
    async with httpx.AsyncClient(
        base_url=base_url, headers=bearer(issuer, "anne@desk.example", "agent"), timeout=30
    ) as client:
        yield client


@pytest.fixture
async def ben(base_url: str, issuer: Issuer) -> AsyncIterator[httpx.AsyncClient]:
    """Ben, her colleague."""
    async with httpx.AsyncClient(
        base_url=base_url, headers=bearer(issuer, "ben@desk.example", "agent"), timeout=30
    ) as client:
        yield client


@pytest.fixture
async def boss(base_url: str, issuer: Issuer) -> AsyncIterator[httpx.AsyncClient]:
    """The admin of both."""
    async with httpx.AsyncClient(
        base_url=base_url, headers=bearer(issuer, "boss@desk.example", "admin"), timeout=30
    ) as client:
        yield client


@pytest.fixture(scope="module")
async def wire() -> AsyncIterator[Wire]:
    """A model's server; a test says what it answers."""
    async with openai_wire() as running:
        yield running


@pytest.fixture(scope="module")
async def url(settings: Settings, wire: Wire) -> AsyncIterator[str]:
    """Address of an application whose model is that server."""
    changed = settings.model_copy(update={"openai_base_url": wire.base_url})
    async with served(create_app(changed)) as address:
        yield address


@pytest.fixture
async def customer(url: str, issuer: Issuer) -> AsyncIterator[httpx.AsyncClient]:
    """Ada, at the application with a model."""
    async with httpx.AsyncClient(
        base_url=url, headers=bearer(issuer, "ada@example.com"), timeout=30
    ) as client:
        yield client


@pytest.fixture
async def admin(url: str, issuer: Issuer) -> AsyncIterator[httpx.AsyncClient]:
    """The shop's admin, at the application with a model."""
    async with httpx.AsyncClient(
        base_url=url, headers=bearer(issuer, "boss@desk.example", "admin"), timeout=30
    ) as client:
        yield client
