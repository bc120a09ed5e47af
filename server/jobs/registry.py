"""Every job, when it is due, and for which tenants: the schedule as data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from structlog import get_logger

from desk.domain import Tenant, TenantId
from desk.errors import Misconfigured, Suspended, Unauthenticated
from desk.storage import audit_seals, deliveries, tenants
from desk.storage.deliveries import Channel
from desk.storage.job_worker import Job, Tick
from desk.storage.jobs import Ids, JobName
from server.jobs.aggregates import fill_hours
from server.jobs.audit_seals import seal_audit
from server.jobs.erasures import erase_people
from server.jobs.faq_gaps import find_faq_gaps
from server.jobs.mail import deliver_mail
from server.jobs.prune import prune
from server.jobs.reembed import reembed
from server.jobs.retention import delete_old, with_old_rows
from server.jobs.subjects_without_rows import delete_subjects_without_rows
from server.jobs.summaries import summarise_conversations
from server.jobs.turn_inputs import clear_turn_inputs
from server.jobs.unconfirmed import forget_unconfirmed
from server.jobs.webhooks import deliver_webhooks
from server.jobs.workplace import Workplace

ACTIVE_HOURS = 8 * 24

log = get_logger("desk.jobs")


async def every_tenant(place: Workplace) -> list[TenantId]:
    """All active tenants."""
    async with place.database.control_tx() as tx:
        return [tenant.id for tenant in await tenants.list_all(tx)]


async def recently_active(place: Workplace) -> list[TenantId]:
    """Tenants that had a turn within a week: longer than their jobs may ever have had to wait."""
    async with place.database.control_tx() as tx:
        return await tenants.list_active_since(tx, ACTIVE_HOURS)


async def recently_audited(place: Workplace) -> list[TenantId]:
    """Tenants whose audit has grown since it was sealed."""
    async with place.database.control_tx() as tx:
        return await audit_seals.list_grown(tx)


def owed_by(channel: Channel) -> Callable[[Workplace], Awaitable[list[TenantId]]]:
    """Those who are to be told something now, by this channel."""

    async def owed(place: Workplace) -> list[TenantId]:
        async with place.database.control_tx() as tx:
            return await deliveries.due_tenants(tx, channel)

    return owed


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
    DeskJob("erasures", erase_people, "* * * * * */5"),
    TenantJob("webhooks", deliver_webhooks, "* * * * * */15", owed_by("webhook")),
    TenantJob("mail", deliver_mail, "* * * * * */15", owed_by("mail")),
    TenantJob("audit_seals", seal_audit, "*/5 * * * *", recently_audited),
    TenantJob("aggregates", fill_hours, "5 * * * *", recently_active),
    TenantJob("turn_inputs", clear_turn_inputs, "15 * * * *", recently_active),
    TenantJob("summaries", summarise_conversations, "*/10 * * * *", recently_active),
    TenantJob("faq_gaps", find_faq_gaps, "*/15 * * * *", recently_active),
    TenantJob("reembed", reembed, "25 * * * *"),
    DeskJob("prune", prune, "35 * * * *"),
    TenantJob("retention", delete_old, "45 2 * * *", with_old_rows),
    TenantJob("subjects_without_rows", delete_subjects_without_rows, "45 3 * * *"),
    TenantJob("unconfirmed", forget_unconfirmed, "15 4 * * *"),
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
        except (Unauthenticated, Suspended):
            return False  # the tenant was removed or suspended since
        except Misconfigured as error:
            log.error("tenant_left_out", tenant=str(ids["tenant_id"]), job=job.name, error=error.detail)
            return False
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
