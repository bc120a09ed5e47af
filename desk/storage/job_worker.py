"""The jobs' worker: runs what lies in the queue, now and at its hours, and finds what dead workers left."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

import structlog
from procrastinate import App, BaseRetryStrategy, JobContext, PsycopgConnector, RetryDecision
from procrastinate import jobs as queue
from procrastinate.worker import Worker as Procrastinator

from desk.storage.jobs import QUEUE, Ids, JobName, key_of, written
from desk.storage.pool import APP_ROLE

Outcome = Literal["done", "retry", "dead"]

POOL = 3

_SESSION = f"-c role={APP_ROLE} -c search_path=desk_control,public -c statement_timeout=5000"
_RESCUE_LOCK = 0x6A6F6273  # any number, as long as every worker uses the same one
_CATCH_UP_SECONDS = 86_400.0
_RESTART_SECONDS = 2.0
_LONGEST_WAIT_SECONDS = 3600.0
_TICK_TRIES, _TICK_WAIT_SECONDS = 3, 10.0

log = structlog.get_logger("desk.jobs")


@dataclass(frozen=True, slots=True)
class Job:
    """Work under a name: `run` does one slice for the ids, in at most `seconds`, and says if more is left.

    A slice may run twice, as its process may die before it is noted as done: that must not matter.
    After `tries` failures the job is dead; the wait before a retry doubles, with jitter.
    """

    name: JobName
    run: Callable[[Ids], Awaitable[bool]]
    tries: int = 5
    wait_seconds: float = 10.0
    seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Tick:
    """When a job is due (cron in UTC, a sixth field is seconds), and for whom: one job for each of `due`."""

    name: JobName
    cron: str
    due: Callable[[], Awaitable[Iterable[Ids]]]


@dataclass(frozen=True, slots=True)
class Ended:
    """One slice that ended; `attempt` counts from 1, `error` is what it raised."""

    name: JobName
    job_id: int
    ids: Ids
    outcome: Outcome
    attempt: int
    ms: float = 0.0
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between signs of life, until a worker counts as dead, between looks for dead workers' jobs,
    between looks for jobs that nobody announced, and that running slices get when the worker stops.
    """

    heartbeat: float = 5.0
    dead_after: float = 20.0
    rescue: float = 10.0
    poll: float = 5.0
    grace: float = 2.0


class _Restless(Procrastinator):
    """Looks again when a job has ended: nobody announces those that its lock held back.

    Without it each slice of a long job waited for the next poll. A test pins what is used here of
    Procrastinate's own.
    """

    _ended = 0

    async def _fetch_and_process_jobs(self) -> None:
        seen = -1
        while seen != self._ended:  # what ends while it is looking goes unnoticed otherwise
            seen = self._ended
            await super()._fetch_and_process_jobs()  # type: ignore[no-untyped-call]

    async def _process_job(self, context: JobContext) -> None:
        try:
            await super()._process_job(context)
        finally:
            self._ended += 1
            self._new_job_event.set()


class Worker:
    """Runs jobs of one queue, a few at a time, on connections of its own; `run` until it is cancelled.

    `url` must lead to Postgres itself: LISTEN does not work through a transaction pooler.
    """

    def __init__(
        self,
        url: str,
        jobs: Iterable[Job],
        ticks: Iterable[Tick] = (),
        *,
        on_end: Callable[[Ended], None],
        queue: str = QUEUE,
        concurrency: int = 2,
        pace: Pace | None = None,
    ) -> None:
        self._url = url
        self._jobs = {job.name: job for job in jobs}
        self._ticks = tuple(ticks)
        self._on_end = on_end
        self._queue = queue
        self._concurrency = concurrency
        self._pace = pace or Pace()

    async def run(self) -> None:
        """Work until cancelled, then hand back what does not end soon; while Postgres is away, wait."""
        task = asyncio.current_task()
        while True:
            try:
                await self._work()
            except Exception as error:
                log.warning("jobs_interrupted", error=type(error).__name__, exc_info=True)
            if task is not None and task.cancelling():
                raise asyncio.CancelledError  # an error on the way out took the place of the cancellation
            await asyncio.sleep(_RESTART_SECONDS)

    async def _work(self) -> None:
        """One life of Procrastinate's worker: it ends when a connection of its own fails."""
        app = self._app()
        async with app.open_async():
            rescuing = asyncio.create_task(self._keep_rescuing(app))
            try:
                worker = _Restless(
                    app,
                    queues=[self._queue],
                    concurrency=self._concurrency,
                    install_signal_handlers=False,
                    delete_jobs="successful",
                    shutdown_graceful_timeout=self._pace.grace,
                    fetch_job_polling_interval=self._pace.poll,
                    update_heartbeat_interval=self._pace.heartbeat,
                    stalled_worker_timeout=self._pace.dead_after,
                )
                await worker.run()  # type: ignore[no-untyped-call]
            finally:
                rescuing.cancel()
                await asyncio.gather(rescuing, return_exceptions=True)

    def _app(self) -> App:
        connector = PsycopgConnector(
            conninfo=self._url,
            min_size=1,
            max_size=POOL,
            timeout=3.0,
            name="desk-jobs",
            kwargs={"options": _SESSION, "connect_timeout": 3},
        )
        app = App(connector=connector, periodic_defaults={"max_delay": _CATCH_UP_SECONDS})
        for job in self._jobs.values():
            work, retry = self._slice(app, job), _Backoff(job.tries, job.wait_seconds)
            app.task(name=job.name, queue=self._queue, retry=retry, pass_context=True)(work)
        for tick in self._ticks:
            name, retry = f"tick:{tick.name}", _Backoff(_TICK_TRIES, _TICK_WAIT_SECONDS)
            # One at a time, as two ticks that are late together would both find nothing that waits.
            alone = f"{self._queue}/{name}"
            ticking = app.task(name=name, queue=self._queue, lock=alone, retry=retry)(self._ticker(app, tick))
            app.periodic(cron=tick.cron, periodic_id=self._queue)(ticking)
        return app

    def _slice(self, app: App, job: Job) -> Callable[..., Awaitable[None]]:
        async def run(context: JobContext, **arguments: str) -> None:
            began, ids = time.perf_counter(), _ids(arguments)
            attempt = context.job.attempts + 1
            outcome: Outcome = "done"
            failure: BaseException | None = None
            try:
                async with asyncio.timeout(job.seconds):
                    if await job.run(ids):
                        await self._defer_once(app, job.name, ids)
            except BaseException as error:
                last = isinstance(error, Exception) and attempt >= job.tries
                outcome, failure = "dead" if last else "retry", error
                raise
            finally:
                ms = (time.perf_counter() - began) * 1000
                self._on_end(Ended(job.name, context.job.id or 0, ids, outcome, attempt, ms, failure))

        return run

    def _ticker(self, app: App, tick: Tick) -> Callable[[int], Awaitable[None]]:
        async def run(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate says which tick this is
            for ids in await tick.due():
                await self._defer_once(app, tick.name, ids)

        return run

    async def _defer_once(self, app: App, name: JobName, ids: Ids) -> None:
        """Queue the job behind all others, unless it waits there already.

        Not by Procrastinate's queueing lock: with that, a failed job cannot go back beside one that waits.
        """
        key = key_of(name, ids)
        if not list(await app.job_manager.list_jobs_async(lock=key, status="todo")):
            deferrer = app.configure_task(name, queue=self._queue, lock=key)
            await deferrer.defer_async(**written(ids))

    async def _keep_rescuing(self, app: App) -> None:
        while True:
            await asyncio.sleep(self._pace.rescue)
            try:
                await self._rescue(app)
            except Exception as error:
                log.warning("rescue_failed", error=type(error).__name__)

    async def _rescue(self, app: App) -> None:
        """Queue the jobs of dead workers again; what was tried often enough is dead, too."""
        jobs: Any = app.job_manager
        pool: Any = app.connector
        async with pool.pool.connection() as conn:
            # Of two rescuers the slower one would queue a job again that already runs again.
            cursor = await conn.execute("select pg_try_advisory_xact_lock(%s)", (_RESCUE_LOCK,))
            if not (await cursor.fetchone())[0]:
                return
            for stalled in await jobs.get_stalled_jobs(
                queue=self._queue, seconds_since_heartbeat=self._pace.dead_after
            ):
                known, attempt = self._jobs.get(stalled.task_name), stalled.attempts + 1
                dead = known is not None and attempt >= known.tries
                if dead:
                    await jobs.finish_job(stalled, status=queue.Status.FAILED, delete_job=False)
                else:
                    await jobs.retry_job(stalled, retry_at=datetime.now(UTC))
                if known is not None:
                    ids = _ids(stalled.task_kwargs)
                    self._on_end(Ended(known.name, stalled.id, ids, "dead" if dead else "retry", attempt))


class _Backoff(BaseRetryStrategy):
    """Waits twice as long after each failure, and gives up after the last try."""

    def __init__(self, tries: int, wait_seconds: float) -> None:
        self._tries = tries
        self._wait_seconds = wait_seconds

    def get_retry_decision(self, *, exception: BaseException, job: queue.Job) -> RetryDecision | None:
        if not isinstance(exception, Exception):
            return RetryDecision(retry_in={"seconds": 0})  # this process stops; it is no failure of the job
        if job.attempts + 1 >= self._tries:
            return None
        wait = min(self._wait_seconds * 2**job.attempts, _LONGEST_WAIT_SECONDS)
        # Half of it by chance, so that what failed together does not come back together.
        milliseconds = round(wait * (0.5 + random.random() / 2) * 1000)  # noqa: S311
        return RetryDecision(retry_in={"milliseconds": milliseconds})


def _ids(arguments: Mapping[str, str]) -> Ids:
    return {name: UUID(text) for name, text in arguments.items()}
