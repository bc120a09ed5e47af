"""Fixtures every room shares: real stores, a fresh tenant, and people in it."""

from __future__ import annotations

import base64
import os
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import migrations
from desk.domain import Principal, SubjectId, Tenant, new_id
from desk.embedded import Engines
from desk.models.embeddings import MiniLM, load_minilm
from desk.models.minilm_export import export_minilm
from desk.storage import subjects, tenants
from desk.storage.migrate import migrate
from desk.storage.pool import Database
from desk.telemetry.logs import configure_logs

pytest_plugins = [
    "tests.plugins.stores",
    "tests.plugins.blocked_loop",
    "tests.plugins.browser",
    "tests.plugins.described",
]

MODELS = Path(__file__).parent.parent / ".desk" / "models"
# Whoever runs the tests may have a key; nothing of them is traced.
os.environ.pop("LANGSMITH_API_KEY", None)
# One for all tests, as a database keeps to the key that it was first opened with.
MASTER_KEY = base64.b64encode(bytes(range(32))).decode()


@pytest.fixture(scope="session", autouse=True)
def logs() -> None:
    """As a server has them: a traceback that structlog paints takes the loop half a second."""
    configure_logs("warning")


@pytest.fixture(scope="session")
def owner_url(stores: Engines) -> str:
    """Login of the database's owner, who sees every row: for looking behind the curtain."""
    return stores.migration_database_url


@pytest.fixture(scope="session")
async def migrated(stores: Engines) -> Engines:
    """The session's engines with the database in today's shape."""
    await migrate(stores.migration_database_url, migrations.FOLDER, say=lambda _: None)
    return stores


@pytest.fixture(scope="session")
async def database(migrated: Engines) -> AsyncIterator[Database]:
    """The database as the application sees it: a role that cannot bypass row-level security."""
    database = Database(migrated.database_url, size=8)
    await database.open()
    yield database
    await database.close()


@pytest.fixture(scope="session")
def embedder() -> MiniLM:
    """The real embedding model, exported once a checkout."""
    export_minilm(MODELS, say=lambda _: None)
    return load_minilm(MODELS)


@pytest.fixture
async def tenant(database: Database) -> Tenant:
    """A tenant of its own for each test."""
    async with database.control_tx() as tx:
        return await tenants.create(tx, f"shop-{uuid.uuid4().hex[:12]}", "A shop")


@pytest.fixture
def admin(tenant: Tenant) -> Principal:
    """The tenant's admin."""
    return Principal(tenant.id, "admin")


@pytest.fixture
async def user(database: Database, tenant: Tenant) -> Principal:
    """A customer with a row of their own."""
    return await add_person(database, tenant, "someone@example.com")


def keep_master_key(home: Path) -> None:
    """Put the tests' master key where an application of this home reads it."""
    key = home / "keys" / "master.key"
    key.parent.mkdir(exist_ok=True, mode=0o700)
    key.write_text(MASTER_KEY)


async def add_person(database: Database, tenant: Tenant, email: str) -> Principal:
    """Another customer of the tenant; the data key in the row is only a place-holder."""
    subject_id = SubjectId(new_id())
    async with database.tenant_tx(Principal(tenant.id, "worker")) as tx:
        await subjects.add(tx, tenant.id, subject_id, os.urandom(32), os.urandom(60), kind="person")
    return Principal(tenant.id, "user", subject_id, email)
