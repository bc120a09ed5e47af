"""Stores that no other worker looks at, and for each test a queue of its own with a worker on it."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import SecretStr

import migrations
from desk.domain import new_id
from desk.embedded import Engines, engines
from desk.mail.mailers import open_mailer
from desk.settings import Settings
from desk.storage.job_worker import Ended, Job, Pace, Tick, Worker
from desk.storage.jobs import Ids, JobName
from desk.storage.migrate import migrate
from desk.storage.pool import Database
from desk.storage.tenants import TenantDirectory
from desk.subjects.keys import KeyRing
from desk.subjects.master_keys import load_master_key
from server.jobs.workplace import Workplace
from tests.conftest import MASTER_KEY
from tests.plugins.stores import embedded_settings, temporary_home

QUICK = Pace(heartbeat=0.2, dead_after=1.0, rescue=0.2, poll=0.2, grace=0.2)


@dataclass
class Bench:
    """Where a test's jobs run: what ran, for whom, and how it ended."""

    url: str
    queue: str = field(default_factory=lambda: f"test-{uuid.uuid4().hex[:8]}")
    ran: list[Ids] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)

    def job(
        self,
        name: JobName = "retention",
        work: Callable[[Ids], Awaitable[bool]] | None = None,
        *,
        tries: int = 5,
        seconds: float = 10,
    ) -> Job:
        """A job that notes its ids, then does the work."""

        async def run(ids: Ids) -> bool:
            self.ran.append(ids)
            return await work(ids) if work else False

        return Job(name, run, tries=tries, wait_seconds=0.05, seconds=seconds)

    @asynccontextmanager
    async def working(
        self, *jobs: Job, ticks: Iterable[Tick] = (), concurrency: int = 2, pace: Pace = QUICK
    ) -> AsyncIterator[None]:
        """A worker for the life of the context."""
        worker = Worker(
            self.url,
            jobs or (self.job(),),
            ticks,
            on_end=self.ended.append,
            queue=self.queue,
            concurrency=concurrency,
            pace=pace,
        )
        task = asyncio.create_task(worker.run())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def until(self, true: Callable[[], bool], *, seconds: float = 10) -> None:
        """Wait for something to become true."""
        async with asyncio.timeout(seconds):
            while not true():  # noqa: ASYNC110 - what is waited for sets no event
                await asyncio.sleep(0.01)


@pytest.fixture(scope="package")
async def migrated() -> AsyncIterator[Engines]:
    """Engines of the jobs' tests alone: the worker of another test's application would take what is owed."""
    with temporary_home() as path, engines(embedded_settings(Path(path))) as found:
        await migrate(found.migration_database_url, migrations.FOLDER, say=lambda _: None)
        yield found


@pytest.fixture(scope="package")
def owner_url(migrated: Engines) -> str:
    """Login of the owner of that database."""
    return migrated.migration_database_url


@pytest.fixture(scope="package")
async def database(migrated: Engines) -> AsyncIterator[Database]:
    """That database as the application sees it."""
    database = Database(migrated.database_url, size=8)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def bench(migrated: Engines) -> Bench:
    """A bench on the jobs' database."""
    return Bench(migrated.database_url)


@pytest.fixture
def ids() -> Ids:
    """Ids that no other test has."""
    return {"tenant_id": new_id()}


@pytest.fixture
def place(database: Database, home: Path) -> Workplace:
    """Where jobs work; its embedder is of another make than the real one."""
    values = {"home": home, "webhook_hosts": (), "smtp_url": None, "master_key": SecretStr(MASTER_KEY)}
    settings = Settings().model_copy(update=values)
    master = load_master_key(settings)
    keys, mailer = KeyRing(database, master), open_mailer(settings)
    return Workplace(settings, database, TenantDirectory(database), keys, master, AxisEmbedder(), mailer)


class AxisEmbedder:
    """Puts every text on the axis of its length: enough to see who made a vector."""

    name = "axes"
    dimensions = 384
    words: frozenset[str] = frozenset()

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row a text."""
        return np.eye(self.dimensions, dtype=np.float32)[[len(text) % self.dimensions for text in texts]]
