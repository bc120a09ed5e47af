"""Budgets: what models may cost a tenant and its people; kept before a call, settled by the commit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, cast

from desk.domain import Principal, TenantSettings, TurnId
from desk.storage import deliveries
from desk.storage.pool import Database, Tx

Budget = Literal["subject_day", "subject_month", "tenant_day", "tenant_month"]
Period = Literal["day", "month"]


@dataclass(frozen=True, slots=True)
class Spending:
    """What a tenant spent in this day and month of UTC, and what its turns may still spend, in US dollars."""

    day: float
    month: float
    reserved: float
    today: date


@dataclass(frozen=True, slots=True)
class Alarm:
    """A budget that was used up: of which day or month, and when that was noticed."""

    budget: Period
    since: date
    at: datetime


def are_set(settings: TenantSettings) -> bool:
    """Whether there is any budget to be held to."""
    return any(budget is not None for budget in _budgets(settings))


async def reserve(
    database: Database, principal: Principal, settings: TenantSettings, turn_id: TurnId, usd: float
) -> Budget | None:
    """Keep `usd` for a turn, in place of what it had kept; or the first budget that has no room for it.

    It counts until the turn ends, however it does: the commit that ends it writes what was spent. That of a
    run in the sandbox, which has no commit, counts until `settle_run`, or for five minutes.
    """
    row = await database.tenant_call(principal, "reserve_budget", (turn_id, usd, *_budgets(settings)))
    return cast("Budget | None", row[0]) if row else None


async def raise_alarm(tx: Tx, principal: Principal, period: Period) -> bool:
    """Tell the tenant that its budget is used up, once a day or month; False when it was told before."""
    cursor = await tx.execute(
        "insert into budget_alarms (tenant_id, budget, since)"
        " values (%s, %s, date_trunc(%s, now() at time zone 'UTC')::date) on conflict do nothing"
        " returning at",
        (principal.tenant_id, period, period),
    )
    if await cursor.fetchone() is None:
        return False
    await deliveries.owe(tx, f"budget.{period}_exhausted")
    return True


async def settle_run(tx: Tx, payer: Principal, turn_id: TurnId, usd: float) -> None:
    """Count what a run in the sandbox spent, for the tenant and, if that is somebody, for `payer`."""
    await tx.execute("delete from budget_reservations where turn_id = %s", (turn_id,))
    if usd <= 0:
        return
    await tx.execute(
        "insert into spend as s (tenant_id, day, part, usd)"
        " values (%s, (now() at time zone 'UTC')::date, 0, %s)"
        " on conflict (tenant_id, day, part) do update set usd = s.usd + excluded.usd",
        (payer.tenant_id, usd),
    )
    await tx.execute(
        "insert into subject_spend as s (tenant_id, subject_id, day, usd)"
        " select tenant_id, id, (now() at time zone 'UTC')::date, %s from subjects where id = %s"
        " on conflict (subject_id, day, tenant_id) do update set usd = s.usd + excluded.usd",
        (usd, payer.subject_id),
    )


async def read(tx: Tx) -> Spending:
    """How the transaction's tenant stands."""
    cursor = await tx.execute(_READ)
    row = await cursor.fetchone()
    assert row is not None, "aggregates always give a row"
    return Spending(*row)


async def list_alarms(tx: Tx, *, limit: int = 50) -> list[Alarm]:
    """The tenant's budgets that were used up, the latest first."""
    cursor = await tx.execute(
        "select budget, since, at from budget_alarms order by at desc limit %s", (limit,)
    )
    return [Alarm(*row) for row in await cursor.fetchall()]


def _budgets(settings: TenantSettings) -> tuple[float | None, ...]:
    return (
        settings.user_budget_usd_per_day,
        settings.user_budget_usd_per_month,
        settings.budget_usd_per_day,
        settings.budget_usd_per_month,
    )


_READ = """
select coalesce(sum(s.usd) filter (where s.day = t.today), 0)::float8, coalesce(sum(s.usd), 0)::float8,
    (select coalesce(sum(r.usd), 0)::float8 from budget_reservations r
        where r.kept_until > now()
            or exists (select from turn_queue q where q.turn_id = r.turn_id)), t.today
from (select (now() at time zone 'UTC')::date as today) t
left join spend s on s.day >= date_trunc('month', t.today)::date
group by t.today
"""
