"""Hourly usage: turns by route, their times, tokens and cost; it outlives the conversations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from desk.domain import TenantId
from desk.storage.pool import Tx

ALL = "all"
# Ids are made by the clocks of the application, hours are told by the database's.
_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of one route; `all` is every route together, `failed` the turns without an answer."""

    hour: datetime
    route: str
    turns: int
    p50_ms: int
    p95_ms: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: Decimal


async def fill(tx: Tx, tenant_id: TenantId, start: datetime, end: datetime) -> int:
    """Count the ended turns of the hours from `start` up to `end`, again if they were counted before."""
    cursor = await tx.execute(_FILL, {"tenant": tenant_id, "start": start, "end": end} | _ids(start, end))
    return cursor.rowcount


async def last_filled(tx: Tx) -> datetime | None:
    """The latest hour that was counted."""
    cursor = await tx.execute("select max(hour) from usage_hourly")
    row = await cursor.fetchone()
    return row[0] if row else None


async def next_to_fill(tx: Tx, after: datetime) -> datetime | None:
    """The first hour from `after` on with a turn that ended, if that hour is over."""
    cursor = await tx.execute(
        "select date_trunc('hour', accepted_at, 'UTC') from turns where id >= %(first)s"
        " and accepted_at >= %(after)s and accepted_at < date_trunc('hour', now(), 'UTC')"
        " and finished_at is not null order by id limit 1",
        {"after": after, "first": _first_id(after - _SKEW)},
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def list_hours(tx: Tx, start: datetime, end: datetime) -> list[Hour]:
    """The counted hours from `start` up to `end`, in order."""
    cursor = await tx.execute(
        "select hour, route, turns, p50_ms, p95_ms, prompt_tokens, completion_tokens, cost_usd"
        " from usage_hourly where hour >= %s and hour < %s order by hour, route",
        (start, end),
    )
    return [Hour(*row) for row in await cursor.fetchall()]


def _ids(start: datetime, end: datetime) -> dict[str, UUID]:
    return {"first": _first_id(start - _SKEW), "last": _first_id(end + _SKEW)}


def _first_id(at: datetime) -> UUID:
    """The least id of a moment: ids are ordered by time, so that their index serves for times, too."""
    return UUID(int=max(0, round(at.timestamp() * 1000)) << 80)


# An hour that is counted again after turns of it were deleted keeps what was counted before.
_FILL = f"""
with ended as (
    select date_trunc('hour', t.accepted_at, 'UTC') as hour, coalesce(t.route, 'failed') as route,
        extract(epoch from t.finished_at - t.accepted_at) * 1000 as ms,
        coalesce(u.prompt_tokens, 0) as prompt_tokens, coalesce(u.completion_tokens, 0) as completion_tokens,
        coalesce(u.cost_usd, 0) as cost_usd
    from turns t left join usage u on u.turn_id = t.id
    where t.id >= %(first)s and t.id < %(last)s and t.finished_at is not null
        and t.accepted_at >= %(start)s and t.accepted_at < %(end)s
)
insert into usage_hourly as h
    (tenant_id, hour, route, turns, p50_ms, p95_ms, prompt_tokens, completion_tokens, cost_usd)
select %(tenant)s, hour, case when grouping(route) = 1 then '{ALL}' else route end, count(*),
    percentile_cont(0.5) within group (order by ms), percentile_cont(0.95) within group (order by ms),
    sum(prompt_tokens), sum(completion_tokens), sum(cost_usd)
from ended group by grouping sets ((hour, route), (hour))
on conflict (tenant_id, hour, route) do update set
    turns = excluded.turns, p50_ms = excluded.p50_ms, p95_ms = excluded.p95_ms,
    prompt_tokens = excluded.prompt_tokens, completion_tokens = excluded.completion_tokens,
    cost_usd = excluded.cost_usd
where h.turns <= excluded.turns
"""  # noqa: S608
