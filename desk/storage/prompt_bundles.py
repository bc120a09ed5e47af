"""Prompt bundles: what a turn was run with, by the hash of it; and what came of turns, by prompt version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from desk.domain import TenantId
from desk.storage.pool import Tx


@dataclass(frozen=True, slots=True)
class VersionFigures:
    """What came of the turns of one prompt version under one label.

    `handed_over` counts conversations in which a person was asked for at or after the first of these turns.
    """

    version: int
    label: str | None
    turns: int
    conversations: int
    handed_over: int
    fallbacks: int
    up: int
    down: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float


async def note(tx: Tx, tenant_id: TenantId, bundle: str, made_of: dict[str, Any]) -> None:
    """Remember what a bundle is made of."""
    await tx.execute(
        "insert into prompt_bundles (tenant_id, id, made_of) values (%s, %s, %s) on conflict do nothing",
        (tenant_id, bundle, orjson.dumps(made_of).decode()),
    )


async def get(tx: Tx, tenant_id: TenantId, bundle: str) -> dict[str, Any] | None:
    """What a bundle is made of."""
    cursor = await tx.execute(
        "select made_of from prompt_bundles where tenant_id = %s and id = %s", (tenant_id, bundle)
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def figures(tx: Tx, tenant_id: TenantId, name: str, *, days: int) -> list[VersionFigures]:
    """What came of the turns that this prompt was sent with, in the last days, by version and label."""
    cursor = await tx.execute(_FIGURES, {"tenant": tenant_id, "name": name, "days": days})
    return [VersionFigures(*row) for row in await cursor.fetchall()]


_FIGURES = """
with shown as (
    select id, conversation_id, prompt_version as version, prompt_label as label, route, accepted_at
    from turns
    where tenant_id = %(tenant)s and prompt_name = %(name)s
        and accepted_at > now() - make_interval(days => %(days)s)
), talks as (
    select conversation_id, version, label, min(accepted_at) as since from shown
    group by conversation_id, version, label
), people as (
    select version, label, count(*) as conversations, count(*) filter (where exists (
        select from handoffs h where h.tenant_id = %(tenant)s and h.conversation_id = t.conversation_id
            and h.created_at >= t.since
    )) as handed_over
    from talks t group by version, label
), rated as (
    select s.version, s.label, count(*) filter (where f.rating = 'up') as up,
        count(*) filter (where f.rating = 'down') as down
    from shown s join feedback f on f.tenant_id = %(tenant)s and f.turn_id = s.id group by s.version, s.label
)
select s.version, s.label, count(*), max(p.conversations), max(p.handed_over),
    count(*) filter (where s.route = 'fallback'), coalesce(max(r.up), 0), coalesce(max(r.down), 0),
    coalesce(sum(u.prompt_tokens), 0)::bigint, coalesce(sum(u.completion_tokens), 0)::bigint,
    coalesce(sum(u.cost_usd), 0)::float8
from shown s
join people p on p.version = s.version and p.label is not distinct from s.label
left join rated r on r.version = s.version and r.label is not distinct from s.label
left join usage u on u.tenant_id = %(tenant)s and u.turn_id = s.id
group by s.version, s.label order by s.version, s.label
"""
