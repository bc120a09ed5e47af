"""Outcomes: what became of conversations and answers, counted beside all that they are a part of.

A conversation rests once its customer has said nothing for an hour; it is judged by what was before its first
rest. It was answered without a person if nobody had to take over and the last answer was none that gives up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from desk.domain import ConversationId, SubjectId
from desk.storage.pool import Tx

REST = timedelta(hours=1)
REOPENED_WITHIN = timedelta(days=7)
# What a measurement says is no customer's.
OURS = "evals"

Outcome = Literal["answered", "given_up", "person", "failed"]


@dataclass(frozen=True, slots=True)
class Talks:
    """Conversations that began in a span; each number is a part of the one that its comment names."""

    conversations: int  # with at least one turn that ended
    involved: int  # of the conversations: the assistant replied at least once
    person: int  # of the involved: a person was asked for
    given_up: int  # of the involved: no person, and the last answer was a fallback or a refusal
    answered: int  # of the involved: the rest, answered without a person
    known: int  # of the answered: came back, or had seven days to
    reopened: int  # of the known: came back within seven days


@dataclass(frozen=True, slots=True)
class Answers:
    """Replies of one day, or of all; what went to a person is no answer of the assistant's."""

    day: date | None
    turns: int
    answers: int  # of the turns: not handed to a person
    fallbacks: int  # of the answers
    rated: int  # of the turns
    down: int  # of the rated
    cost_usd: float


@dataclass(frozen=True, slots=True)
class Talked:
    """One conversation and what became of it."""

    id: ConversationId
    subject_id: SubjectId
    outcome: Outcome
    turns: int
    began_at: datetime
    rested_at: datetime
    reopened: bool


async def count_talks(tx: Tx, start: datetime, end: datetime, subject_id: SubjectId | None = None) -> Talks:
    """The conversations that began from `start` up to `end`, of whom the caller may see."""
    cursor = await tx.execute(_TALKS, _values(start, end, subject_id))
    row = await cursor.fetchone()
    assert row is not None, "aggregates always give a row"
    return Talks(*row)


async def list_talks(
    tx: Tx, start: datetime, end: datetime, *, before: ConversationId | None, limit: int
) -> list[Talked]:
    """The same one by one, the newest first."""
    cursor = await tx.execute(_LIST, {**_values(start, end, None), "before": before, "limit": limit})
    return [Talked(*row) for row in await cursor.fetchall()]


async def count_answers(
    tx: Tx, start: datetime, end: datetime, subject_id: SubjectId | None = None
) -> list[Answers]:
    """The turns of the span: all of them first, then day by day of UTC."""
    cursor = await tx.execute(_ANSWERS, _values(start, end, subject_id))
    return [Answers(*row) for row in await cursor.fetchall()]


async def count_routes(
    tx: Tx, start: datetime, end: datetime, subject_id: SubjectId | None = None
) -> dict[str, int]:
    """How many turns of the span took each route; `failed` are those without an answer."""
    cursor = await tx.execute(_ROUTES, _values(start, end, subject_id))
    return dict(await cursor.fetchall())


def _values(start: datetime, end: datetime, subject_id: SubjectId | None) -> dict[str, object]:
    return {
        "start": start,
        "end": end,
        "subject": subject_id,
        "rest": REST,
        "within": REOPENED_WITHIN,
        "ours": OURS,
    }


_OUTCOMES = """
with talk as (
    select c.id, c.subject_id, c.created_at from conversations c
    where c.created_at >= %(start)s and c.created_at < %(end)s and c.channel <> %(ours)s
        and (%(subject)s::uuid is null or c.subject_id = %(subject)s)
), said as (
    select t.conversation_id, t.accepted_at, t.route, t.state,
        lead(t.accepted_at) over (partition by t.conversation_id order by t.accepted_at, t.id) as next_at,
        count(*) over (partition by t.conversation_id) as turns
    from turns t join talk on talk.id = t.conversation_id where t.finished_at is not null
), rest as (
    select distinct on (conversation_id) conversation_id, accepted_at as rested_at, next_at, route, turns
    from said where next_at is null or next_at - accepted_at > %(rest)s order by conversation_id, accepted_at
), outcome as (
    select talk.id, talk.subject_id, talk.created_at, rest.rested_at, rest.next_at, rest.turns,
        coalesce(rest.next_at - rest.rested_at <= %(within)s, false) as came_back,
        case
            when not exists (select from said where said.conversation_id = talk.id and said.state = 'done'
                and said.accepted_at <= rest.rested_at) then 'failed'
            when exists (select from handoffs h where h.conversation_id = talk.id
                and h.created_at <= rest.rested_at + %(rest)s) then 'person'
            when coalesce(rest.route, 'fallback') in ('fallback', 'refused') then 'given_up'
            else 'answered'
        end as outcome
    from talk join rest on rest.conversation_id = talk.id
)
"""
_TALKS = f"""{_OUTCOMES}
select count(*), count(*) filter (where outcome <> 'failed'), count(*) filter (where outcome = 'person'),
    count(*) filter (where outcome = 'given_up'), count(*) filter (where outcome = 'answered'),
    count(*) filter (where outcome = 'answered' and (came_back or rested_at <= now() - %(within)s)),
    count(*) filter (where outcome = 'answered' and came_back)
from outcome
"""  # noqa: S608
_LIST = f"""{_OUTCOMES}
select id, subject_id, outcome, turns, created_at, rested_at, came_back from outcome
where %(before)s::uuid is null or id < %(before)s order by id desc limit %(limit)s
"""  # noqa: S608
_COUNTED = """
from turns t
join conversations c on c.id = t.conversation_id and c.channel <> %(ours)s
left join usage u on u.turn_id = t.id
left join feedback f on f.turn_id = t.id and f.subject_id = t.subject_id
where t.finished_at is not null and t.accepted_at >= %(start)s and t.accepted_at < %(end)s
    and (%(subject)s::uuid is null or t.subject_id = %(subject)s)
"""
_ANSWERS = f"""
select (t.accepted_at at time zone 'UTC')::date as day, count(*),
    count(*) filter (where t.state = 'done' and t.route <> 'handoff'),
    count(*) filter (where t.state = 'done' and t.route = 'fallback'),
    count(f.rating), count(*) filter (where f.rating = 'down'), coalesce(sum(u.cost_usd), 0)::float8
{_COUNTED} group by grouping sets ((), (day)) order by day nulls first
"""
_ROUTES = f"select coalesce(t.route, 'failed'), count(*) {_COUNTED} group by 1 order by 2 desc"
