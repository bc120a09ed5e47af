"""The whole of it: a worker as the application runs it, its metrics, and the commands that look after it."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from prometheus_client import REGISTRY
from pydantic import SecretStr

from desk.bootstrap import Engine
from desk.domain import Principal, TenantSettings, new_id
from desk.embedded import Engines
from desk.models.embeddings import MiniLM
from desk.retrieval.hits import HitCounts
from desk.retrieval.products import CatalogueSearch
from desk.retrieval.search import FaqSearch
from desk.storage import deliveries, tenants
from desk.storage.pool import Database
from server.jobs.working import jobs_working
from server.jobs.workplace import Workplace
from tests.conftest import MASTER_KEY
from tests.tools.local_server import answer, serving


def _engine(place: Workplace, stores: Engines, embedder: MiniLM, webhook_host: str) -> Engine:
    url = SecretStr(stores.database_url)
    settings = place.settings.model_copy(update={"database_url": url, "webhook_hosts": (webhook_host,)})
    return Engine(
        settings=settings,
        database=place.database,
        keys=place.keys,
        tenants=place.tenants,
        embedder=embedder,
        faqs=FaqSearch(place.database, embedder),
        catalogue=CatalogueSearch(place.database, embedder),
        model=None,
        hits=HitCounts(place.database),
    )


def _counted() -> float:
    return REGISTRY.get_sample_value("desk_jobs_total", {"job": "webhooks", "outcome": "done"}) or 0.0


async def test_an_event_is_told_at_once_and_counted(
    database: Database, place: Workplace, migrated: Engines, embedder: MiniLM
) -> None:
    async with serving({"/hook": answer(b"ok")}) as receiver:
        settings = TenantSettings(webhook_url=receiver.url("/hook"))
        async with database.control_tx() as tx:
            tenant = await tenants.create(tx, f"told-{new_id().hex[-12:]}", "A shop", settings)
        before = _counted()
        async with jobs_working(_engine(place, migrated, embedder, receiver.origin)):
            await asyncio.sleep(0.3)
            async with database.tenant_tx(Principal(tenant.id, "worker"), pipeline=True) as tx:
                await deliveries.owe(tx, "handoff.queued")
            async with asyncio.timeout(10):
                while not receiver.heard or _counted() == before:  # noqa: ASYNC110 - nothing sets an event
                    await asyncio.sleep(0.01)
    assert len(receiver.heard) == 1


async def _desk(stores: Engines, home: Path, *arguments: str) -> tuple[int, str, str]:
    """What `desk ...` ends with, prints, and tells."""
    environment = os.environ | {
        "DATABASE_URL": stores.database_url,
        "DESK_MIGRATION_DATABASE_URL": stores.migration_database_url,
        "DESK_HOME": str(home),
        "DESK_MASTER_KEY": MASTER_KEY,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "server.cli",
        *arguments,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_dead_jobs_and_deliveries_are_listed_and_retried(
    database: Database, migrated: Engines, home: Path
) -> None:
    tenant_id, dead_delivery, dead_mail = new_id(), new_id(), new_id()
    async with database.control_tx() as tx:
        cursor = await tx.execute(
            "insert into procrastinate_jobs (queue_name, task_name, status, attempts, args)"
            " values ('test-dead', 'retention', 'failed', 5, jsonb_build_object('tenant_id', %s::text))"
            " returning id",
            (tenant_id,),
        )
        row = await cursor.fetchone()
        assert row is not None
        await tx.execute(
            "insert into deliveries (id, tenant_id, channel, kind, state, tries)"
            " values (%s, %s, 'webhook', 'handoff.queued', 'dead', 5),"
            " (%s, %s, 'mail', 'handoff.sla_due', 'dead', 5)",
            (dead_delivery, tenant_id, dead_mail, tenant_id),
        )
    code, out, _ = await _desk(migrated, home, "jobs", "list", "--state", "dead")
    assert code == 0
    assert f"{row[0]}\tdead\tretention\t5\ttenant_id={tenant_id}" in out.splitlines()
    assert f"{dead_delivery}\tdead\twebhook handoff.queued\t5\ttenant_id={tenant_id}" in out.splitlines()

    assert f"{dead_mail}\tdead\tmail handoff.sla_due\t5\ttenant_id={tenant_id}" in out.splitlines()

    code, _, err = await _desk(migrated, home, "jobs", "retry", str(dead_mail))
    assert (code, f"{dead_mail} is queued again." in err) == (0, True)
    code, _, err = await _desk(migrated, home, "jobs", "retry", str(row[0]))
    assert (code, f"{row[0]} is queued again." in err) == (0, True)
    code, _, err = await _desk(migrated, home, "jobs", "retry", str(row[0]))
    assert (code, "There is no dead job" in err) == (1, True)
    code, _, err = await _desk(migrated, home, "jobs", "retry", "x1")
    assert (code, "is no id" in err) == (1, True)
