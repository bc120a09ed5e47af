"""An application that believes two identity providers, both served beside it, and a tenant of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from desk.domain import TenantSettings
from desk.embedded import Engines
from desk.settings import TrustedIssuer
from tests.plugins.stores import temporary_home
from tests.server.replicas import Replica, new_tenant, replica, replica_settings
from tests.servers.key_server import KeyServer, key_server
from tests.servers.sign_in_page import SECRET

ROLES = {"desk-user": "user", "desk-agent": "agent", "desk-admin": "admin"}


def trusted(server: KeyServer, **changes: object) -> TrustedIssuer:
    """How the application is told of a key server."""
    values = {
        "name": "keycloak",
        "issuer": server.url,
        "audience": "deskgraph",
        "authorized_parties": ["console", "widget"],
        "tenant_claim": "tenant",
        "roles": ROLES,
        "plain_http": True,
    }
    return TrustedIssuer.model_validate(values | changes)


@pytest.fixture(scope="session")
async def provider() -> AsyncIterator[KeyServer]:
    """The provider whose people may belong to any tenant."""
    async with key_server() as server:
        yield server


@pytest.fixture(scope="session")
async def other_provider() -> AsyncIterator[KeyServer]:
    """A provider whose people belong to one tenant, whatever they say."""
    async with other_key_server() as server:
        yield server


@asynccontextmanager
async def other_key_server() -> AsyncIterator[KeyServer]:
    """A provider whose key has a name of its own."""
    async with key_server() as server:
        server.kid = "other"
        server.jwks[0]["kid"] = "other"
        yield server


@pytest.fixture(scope="session")
async def place(migrated: Engines, provider: KeyServer, other_provider: KeyServer) -> AsyncIterator[Replica]:
    with temporary_home() as home:
        async with believing(migrated, Path(home), provider, other_provider) as found:
            yield found


@asynccontextmanager
async def believing(
    stores: Engines, home: Path, provider: KeyServer, other_provider: KeyServer
) -> AsyncIterator[Replica]:
    """The application that believes both."""
    fixed = {"name": "other", "tenant_claim": None, "tenant": "bookshop", "roles_claim": "groups"}
    client = {"client_id": "console", "client_secret": SECRET, "label": "The company"}
    issuers = (trusted(provider, **client), trusted(other_provider, **fixed))
    async with replica(replica_settings(stores, home, issuers=issuers, demo=True)) as found:
        yield found


@pytest.fixture
async def twin(place: Replica) -> AsyncIterator[Replica]:
    """Another process's application on the same database, with the same keys."""
    async with replica(place.desk.services.engine.settings) as found:
        yield found


@pytest.fixture
async def slug(place: Replica) -> str:
    """A fresh tenant in which anybody may register."""
    return await new_tenant(place, TenantSettings(self_registration=True))


@pytest.fixture
async def nobody(place: Replica) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a token."""
    async with httpx.AsyncClient(base_url=place.url, timeout=30) as client:
        yield client


def bearing(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}
