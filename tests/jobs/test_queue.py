"""Jobs join the caller's transaction, run once, are tried again, die, and survive a killed worker."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from procrastinate.worker import Worker as Procrastinator

from desk.domain import Tenant, new_id
from desk.storage import jobs
from desk.storage.job_worker import Tick, Worker
from desk.storage.jobs import Ids
from desk.storage.pool import Database
from tests.jobs.conftest import QUICK, Bench

DOOMED_WORKER = """
import asyncio, sys
from desk.storage.job_worker import Job, Worker
from tests.jobs.conftest import QUICK

async def hang(ids):
    print("running", flush=True)
    await asyncio.sleep(60)
    return False

worker = Worker(sys.argv[1], [Job("retention", hang)], on_end=print, queue=sys.argv[2], pace=QUICK)
asyncio.run(worker.run())
"""


class _Changed(Exception):
    """The caller thinks better of it."""


async def _defer(database: Database, bench: Bench, ids: Ids) -> int:
    async with database.control_tx() as tx:
        return await jobs.defer(tx, "retention", queue=bench.queue, **ids)


async def _left(database: Database, bench: Bench) -> list[tuple[Any, ...]]:
    async with database.control_tx() as tx:
        cursor = await tx.execute(
            "select status::text, attempts from procrastinate_jobs where queue_name = %s", (bench.queue,)
        )
        return await cursor.fetchall()


async def test_a_committed_job_runs_once_and_leaves_no_row(
    database: Database, bench: Bench, ids: Ids
) -> None:
    async with bench.working():
        await _defer(database, bench, ids)
        await bench.until(lambda: len(bench.ended) == 1)
        await asyncio.sleep(0.5)
    assert bench.ran == [ids]
    assert [(end.outcome, end.attempt, end.ids) for end in bench.ended] == [("done", 1, ids)]
    assert await _left(database, bench) == []


async def test_a_job_of_a_rolled_back_transaction_never_was(
    database: Database, bench: Bench, ids: Ids
) -> None:
    async with bench.working():
        with contextlib.suppress(_Changed):
            async with database.control_tx() as tx:
                await jobs.defer(tx, "retention", queue=bench.queue, **ids)
                raise _Changed
        await _defer(database, bench, {"tenant_id": new_id()})
        await bench.until(lambda: len(bench.ended) == 1)
    assert ids not in bench.ran
    assert await _left(database, bench) == []


@pytest.mark.parametrize("pipeline", [False, True])
async def test_a_tenants_transaction_can_defer(
    database: Database, bench: Bench, tenant: Tenant, user: Any, pipeline: bool
) -> None:
    async with bench.working():
        async with database.tenant_tx(user, pipeline=pipeline) as tx:
            await jobs.defer(tx, "retention", queue=bench.queue, tenant_id=tenant.id)
            assert bench.ran == []
        await bench.until(lambda: len(bench.ended) == 1)
    assert bench.ran == [{"tenant_id": tenant.id}]


async def test_arguments_are_ids(database: Database, bench: Bench) -> None:
    words: Any = {"text": "my card is 4111"}
    with pytest.raises(TypeError, match="ids and nothing else"):
        await _defer(database, bench, words)
    assert await _left(database, bench) == []


async def test_a_failing_job_is_tried_again_and_then_dead_until_somebody_retries_it(
    database: Database, bench: Bench, ids: Ids
) -> None:
    broken = True

    async def work(_: Ids) -> bool:
        if broken:
            raise ValueError("not today")
        return False

    async with bench.working(bench.job("retention", work, tries=3)):
        job_id = await _defer(database, bench, ids)
        await bench.until(lambda: len(bench.ended) == 3)
        await asyncio.sleep(0.3)
        assert [end.outcome for end in bench.ended] == ["retry", "retry", "dead"]
        assert all(isinstance(end.error, ValueError) for end in bench.ended)
        async with database.control_tx() as tx:
            dead = await jobs.list_jobs(tx, "dead", limit=1000)
            assert not await jobs.retry(tx, 0)
        mine = [job for job in dead if job.id == job_id]
        assert [(job.name, job.attempts, job.ids) for job in mine] == [
            ("retention", 3, {"tenant_id": str(ids["tenant_id"])})
        ]
        broken = False
        async with database.control_tx() as tx:
            assert await jobs.retry(tx, job_id)
            assert not await jobs.retry(tx, job_id)
        await bench.until(lambda: bench.ended[-1].outcome == "done")
    assert await _left(database, bench) == []


async def test_a_slice_that_takes_too_long_is_a_failure(database: Database, bench: Bench, ids: Ids) -> None:
    async def work(_: Ids) -> bool:
        await asyncio.sleep(30)
        return False

    async with bench.working(bench.job("retention", work, tries=1, seconds=0.1)):
        await _defer(database, bench, ids)
        await bench.until(lambda: len(bench.ended) == 1)
    assert (bench.ended[0].outcome, type(bench.ended[0].error)) == ("dead", TimeoutError)


async def test_jobs_that_wait_for_one_another_do_not_wait_for_the_next_poll(
    database: Database, bench: Bench, ids: Ids
) -> None:
    assert {"_fetch_and_process_jobs", "_process_job"} <= vars(Procrastinator).keys(), "we override them"

    async def work(_: Ids) -> bool:
        await asyncio.sleep(0.05)  # so long that the next one is looked for in vain meanwhile
        return len(bench.ran) < 20

    async with bench.working(bench.job("retention", work), pace=replace(QUICK, poll=3600)):
        for _ in range(3):
            await _defer(database, bench, ids)
        await bench.until(lambda: len(bench.ended) == 20)
    assert {end.outcome for end in bench.ended} == {"done"}


async def test_what_is_left_is_done_in_further_slices(database: Database, bench: Bench, ids: Ids) -> None:
    async def work(_: Ids) -> bool:
        return len(bench.ran) < 4

    async with bench.working(bench.job("retention", work)):
        await _defer(database, bench, ids)
        await bench.until(lambda: len(bench.ended) == 4)
        await asyncio.sleep(0.3)
    assert bench.ran == [ids] * 4


async def test_the_same_work_never_runs_twice_at_once(database: Database, bench: Bench, ids: Ids) -> None:
    running, most = 0, 0

    async def work(_: Ids) -> bool:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.05)
        running -= 1
        return False

    async with bench.working(bench.job("retention", work), concurrency=4):
        for _ in range(5):
            await _defer(database, bench, ids)
        await bench.until(lambda: len(bench.ended) == 5)
    assert most == 1


async def test_a_slow_tenant_starves_nobody(database: Database, bench: Bench) -> None:
    slow, others = new_id(), [new_id() for _ in range(20)]

    async def due() -> list[Ids]:
        return [{"tenant_id": tenant} for tenant in (slow, *others)]

    async def work(ids: Ids) -> bool:
        if ids["tenant_id"] == slow:
            await asyncio.sleep(1.0)
            return True
        return False

    ticks = [Tick("retention", "* * * * * *", due)]
    async with bench.working(bench.job("retention", work), ticks=ticks, concurrency=2):
        await bench.until(lambda: {"tenant_id": others[-1]} in bench.ran)
        seen = len([ids for ids in bench.ran if ids["tenant_id"] == slow])
    assert seen <= 2, "the slow one has at most one place, and goes to the end after each slice"


async def test_what_somebody_waits_for_goes_before_what_the_hours_bring(
    database: Database, bench: Bench, ids: Ids
) -> None:
    upkeep: list[Ids] = [{"tenant_id": new_id()} for _ in range(30)]

    async def due() -> list[Ids]:
        return upkeep

    async def work(_: Ids) -> bool:
        await asyncio.sleep(0.03)
        return False

    ticks = [Tick("retention", "* * * * * *", due)]
    async with bench.working(bench.job("retention", work), ticks=ticks, concurrency=1):
        await bench.until(lambda: len(bench.ran) == 2)
        await _defer(database, bench, ids)
        await bench.until(lambda: ids in bench.ran)
    assert bench.ran.index(ids) < 10


async def test_a_tick_does_not_queue_what_waits_already(database: Database, bench: Bench, ids: Ids) -> None:
    async def due() -> list[Ids]:
        return [ids]

    async def work(_: Ids) -> bool:
        await asyncio.sleep(2.5)
        return False

    ticks = [Tick("retention", "* * * * * *", due)]
    async with bench.working(bench.job("retention", work), ticks=ticks):
        await bench.until(lambda: len(bench.ended) == 1)
        async with database.control_tx() as tx:
            cursor = await tx.execute(
                "select count(*) from procrastinate_jobs"
                " where queue_name = %s and task_name = 'retention' and status = 'todo'",
                (bench.queue,),
            )
            [(waiting,)] = await cursor.fetchall()
    assert waiting <= 1


async def test_the_job_of_a_killed_worker_is_run_by_another(
    database: Database, bench: Bench, ids: Ids
) -> None:
    command = (sys.executable, "-c", DOOMED_WORKER, bench.url, bench.queue)
    root = Path(__file__).parents[2]
    doomed = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=root)
    assert doomed.stdout is not None
    await _defer(database, bench, ids)
    assert await asyncio.wait_for(doomed.stdout.readline(), 20) == b"running\n"
    doomed.send_signal(signal.SIGKILL)
    await doomed.wait()
    assert await _left(database, bench) == [("doing", 0)]
    async with bench.working():
        await bench.until(lambda: len(bench.ran) == 1)
        await bench.until(lambda: bench.ended[-1].outcome == "done")
    assert bench.ran == [ids]
    assert [end.outcome for end in bench.ended] == ["retry", "done"]
    assert await _left(database, bench) == []


async def test_a_job_that_kills_its_worker_each_time_dies_in_the_end(
    database: Database, bench: Bench, ids: Ids
) -> None:
    job_id = await _defer(database, bench, ids)
    async with database.control_tx() as tx:
        # As a worker leaves it that was killed at the last try.
        await tx.execute(
            "update procrastinate_jobs set status = 'doing', attempts = 2 where id = %s", (job_id,)
        )
    async with bench.working(bench.job(tries=3)):
        await bench.until(lambda: len(bench.ended) == 1)
    assert bench.ran == []
    assert await _left(database, bench) == [("failed", 3)]


async def test_a_stopping_worker_hands_its_job_back_at_once(
    database: Database, bench: Bench, ids: Ids
) -> None:
    async def work(_: Ids) -> bool:
        await asyncio.sleep(30)
        return False

    async with bench.working(bench.job("retention", work, tries=1, seconds=60)):
        await _defer(database, bench, ids)
        await bench.until(lambda: len(bench.ran) == 1)
    assert await _left(database, bench) == [("todo", 1)]
    assert [end.outcome for end in bench.ended] == ["retry"]


async def test_a_worker_survives_the_loss_of_its_connections(
    database: Database, bench: Bench, ids: Ids, owner_url: str
) -> None:
    import psycopg

    async with bench.working():
        await _defer(database, bench, ids)
        await bench.until(lambda: len(bench.ended) == 1)
        async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as owner:
            await owner.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where query ilike '%%procrastinate%%' and pid <> pg_backend_pid()"
            )
        await _defer(database, bench, {"tenant_id": new_id()})
        await bench.until(lambda: len(bench.ended) == 2, seconds=15)


async def test_a_worker_that_stumbles_on_its_way_out_is_out(bench: Bench) -> None:
    """An error while it stops must not make it begin anew."""

    class Stumbling(Worker):
        async def _work(self) -> None:
            try:
                await asyncio.sleep(60)
            finally:
                raise OSError("the connection went first")

    task = asyncio.create_task(Stumbling(bench.url, [bench.job()], on_end=bench.ended.append).run())
    await asyncio.sleep(0.05)
    task.cancel()
    ended, _ = await asyncio.wait([task], timeout=1)
    assert task in ended
    assert task.cancelled()
