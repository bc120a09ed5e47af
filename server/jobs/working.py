"""Working: runs the jobs beside whatever else the process does, counted and logged without content."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from structlog import get_logger

from desk.bootstrap import Engine
from desk.errors import Misconfigured
from desk.storage.job_worker import Ended, Worker
from desk.telemetry import metrics
from server.jobs.registry import jobs_at
from server.jobs.workplace import open_workplace

log = get_logger("desk.jobs")


@asynccontextmanager
async def jobs_working(engine: Engine) -> AsyncIterator[None]:
    """Run jobs for the life of the context; slices that run at its end are handed back.

    Raises Misconfigured when there is no database or it cannot be used safely.
    """
    url = engine.settings.jobs_database_url or engine.settings.database_url
    if url is None:
        raise Misconfigured("DATABASE_URL is not set; background jobs need it.")
    address = url.get_secret_value()
    async with open_workplace(engine.settings, address, engine.embedder) as place:
        jobs, ticks = jobs_at(place)
        worker = Worker(address, jobs, ticks, on_end=note_end, concurrency=engine.settings.jobs_at_once)
        task = asyncio.create_task(worker.run(), name="jobs")
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def note_end(ended: Ended) -> None:
    """Count a slice that ended, and say so in the log; one that did its work in peace only when asked to."""
    metrics.JOBS.labels(ended.name, ended.outcome).inc()
    metrics.JOB_SECONDS.labels(ended.name).observe(ended.ms / 1000)
    fields = {"job": ended.name, "job_id": ended.job_id, "ms": round(ended.ms, 1), "attempts": ended.attempt}
    if ended.outcome == "done":
        log.debug("job_done", **fields)
        return
    kind = type(ended.error).__name__ if ended.error else "WorkerDied"
    tell = log.error if ended.outcome == "dead" else log.warning
    tell("job_failed", outcome=ended.outcome, error=kind, exc_info=ended.error, **fields)
