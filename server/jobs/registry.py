"""Every job, when it is due, and for which tenants: the schedule as data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from desk.domain import Tenant, TenantId
from desk.errors import Unauthenticated
from desk.storage import tenants, webhook_deliveries
from desk.storage.job_worker import Job, Tick
from desk.storage.jobs import Ids, JobName
from server.jobs.aggregates import fill_hours
from server.jobs.prune import prune
from server.jobs.reembed import reembed
from server.jobs.retention import delete_old_conversations
from server.jobs.subjects_without_rows import delete_subjects_without_rows
from server.jobs.summaries import summarise_conversations
from server.jobs.turn_inputs import clear_turn_inputs
from server.jobs.webhooks import deliver_webhooks
from server.jobs.workplace import Workplace


async def every_tenant(place: Workplace) -> list[TenantId]:
    """All active tenants."""
    async with place.database.control_tx() as tx:
        return [tenant.id for tenant in await tenants.list_all(tx)]


async def tenants_with_deliveries(place: Workplace) -> list[TenantId]:
    """Those who are to be told something now."""
    async with place.database.control_tx() as tx:
        return await webhook_deliveries.due_tenants(tx)


@dataclass(frozen=True, slots=True)
class TenantJob:
    """A job that works for one tenant at a time, a slice at a time; `cron` as in `Tick`.

    A tick queues one job for each of `whose`. A tenant with more work than a slice goes to the end of the
    queue, and never holds more than one place of a job's: a slow one starves nobody.
    """

    name: JobName
    work: Callable[[Workplace, Tenant], Awaitable[bool]]
    cron: str
    whose: Callable[[Workplace], Awaitable[list[TenantId]]] = every_tenant


@dataclass(frozen=True, slots=True)
class DeskJob:
    """A job that works for the whole installation."""

    name: JobName
    work: Callable[[Workplace], Awaitable[bool]]
    cron: str


JOBS: tuple[TenantJob | DeskJob, ...] = (
    TenantJob("webhooks", deliver_webhooks, "* * * * * */15", tenants_with_deliveries),
    TenantJob("aggregates", fill_hours, "5 * * * *"),
    TenantJob("turn_inputs", clear_turn_inputs, "15 * * * *"),
    TenantJob("summaries", summarise_conversations, "*/10 * * * *"),
    TenantJob("reembed", reembed, "25 * * * *"),
    DeskJob("prune", prune, "35 * * * *"),
    TenantJob("retention", delete_old_conversations, "45 2 * * *"),
    TenantJob("subjects_without_rows", delete_subjects_without_rows, "45 3 * * *"),
)


def jobs_at(place: Workplace) -> tuple[list[Job], list[Tick]]:
    """The jobs and their ticks, as the worker takes them."""
    bound = [_bind(place, job) for job in JOBS]
    return [job for job, _ in bound], [tick for _, tick in bound]


def _bind(place: Workplace, job: TenantJob | DeskJob) -> tuple[Job, Tick]:
    async def for_tenant(ids: Ids) -> bool:
        assert isinstance(job, TenantJob)
        try:
            tenant = await place.tenants.get(TenantId(ids["tenant_id"]))
        except Unauthenticated:
            return False  # the tenant was suspended or removed since
        return await job.work(place, tenant)

    async def for_desk(_: Ids) -> bool:
        assert isinstance(job, DeskJob)
        return await job.work(place)

    async def due() -> Iterable[Ids]:
        if isinstance(job, DeskJob):
            return [{}]
        return [{"tenant_id": tenant_id} for tenant_id in await job.whose(place)]

    run = for_tenant if isinstance(job, TenantJob) else for_desk
    return Job(job.name, run), Tick(job.name, job.cron, due)
