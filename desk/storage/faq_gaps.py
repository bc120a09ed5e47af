"""FAQ gaps: questions that had no answer, which of them belong together, and what became of it; sealed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, LiteralString
from uuid import UUID

from desk.domain import MessageId, Principal, SubjectId, TurnId
from desk.storage.outcomes import OURS
from desk.storage.pool import Tx

# Fewer questions, or those of one person alone, are nobody's to read: docs/adr/0030 says why.
LEAST_QUESTIONS = 3
LEAST_PERSONS = 2
# What is looked at: the newest questions of so many days.
MOST = 2_000
DAYS = 90

# open = it waits for somebody; drafted = a FAQ was begun for it, which does not answer it yet.
State = Literal["open", "drafted", "dismissed"]


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it lies in its conversation: pseudonyms, sealed under its person's key."""

    turn_id: TurnId
    subject_id: SubjectId
    message_id: MessageId
    text_sealed: bytes


@dataclass(frozen=True, slots=True)
class Gathered:
    """A question with its vector, and in which gap it is; `decided` if that was drafted or dismissed."""

    turn_id: TurnId
    subject_id: SubjectId
    wrapped_key: bytes
    vector_sealed: bytes
    gap_id: UUID | None
    decided: bool


@dataclass(frozen=True, slots=True)
class Gap:
    """What many asked and nothing answers; `faq_id` is the tenant's own id of the FAQ that was begun."""

    id: UUID
    state: State
    questions: int
    persons: int
    first_seen: datetime
    last_seen: datetime
    faq_id: str | None


async def take_new(tx: Tx, embedder: str, *, limit: int) -> list[Question]:
    """The oldest questions without a vector of this embedder."""
    cursor = await tx.execute(_NEW, _values(embedder=embedder, limit=limit))
    return [Question(*row) for row in await cursor.fetchall()]


async def put(tx: Tx, embedder: str, sealed: Sequence[tuple[TurnId, SubjectId, bytes]]) -> int:
    """Keep vectors, each sealed under the person's key, in place of others; how many were kept.

    A turn that has gone meanwhile, or has become another person's, is left out.
    """
    turns, subjects, vectors = ([one[column] for one in sealed] for column in range(3))
    return (await tx.execute(_PUT, (embedder, turns, subjects, vectors))).rowcount


async def forget(tx: Tx) -> int:
    """Delete questions that are too old, too many, or were answered by a label since; how many went."""
    return (await tx.execute(_FORGET, _values())).rowcount


async def list_gathered(tx: Tx, embedder: str) -> list[Gathered]:
    """All questions with a vector of this embedder, the oldest first."""
    return [Gathered(*row) for row in await (await tx.execute(_GATHERED, (embedder,))).fetchall()]


async def place(tx: Tx, principal: Principal, places: Sequence[tuple[TurnId, UUID | None, float]]) -> None:
    """Put questions into gaps, which are made where they are missing; gaps without questions go."""
    turn_ids = [turn_id for turn_id, _, _ in places]
    gap_ids = [gap_id for _, gap_id, _ in places]
    nearness = [near for _, _, near in places]
    await tx.execute(
        "insert into faq_gaps (tenant_id, id) select distinct %s::uuid, id from unnest(%s::uuid[]) as id"
        " where id is not null on conflict do nothing",
        (principal.tenant_id, gap_ids),
    )
    await tx.execute(
        "update faq_gap_questions q set gap_id = p.gap_id, nearness = p.nearness"
        " from unnest(%s::uuid[], %s::uuid[], %s::real[]) as p (turn_id, gap_id, nearness)"
        " where q.turn_id = p.turn_id"
        " and (q.gap_id, q.nearness) is distinct from (p.gap_id, p.nearness)",
        (turn_ids, gap_ids, nearness),
    )
    await tx.execute(
        "delete from faq_gaps g where not exists (select from faq_gap_questions q where q.gap_id = g.id)"
    )


async def list_page(tx: Tx, state: State | None, *, after: UUID | None = None, limit: int) -> list[Gap]:
    """Gaps that may be read and are not answered by now, the most asked first; `after` is the last one seen.

    Of every state when `state` is None. After a gap that is gone there is nothing.
    """
    cursor = await tx.execute(
        f"{_SHOWN} select * from shown where (%(state)s::text is null or state = %(state)s)"  # noqa: S608
        " and (%(after)s::uuid is null"
        " or (questions, id) < (select questions, id from shown where id = %(after)s))"
        " order by questions desc, id desc limit %(limit)s",
        _values(state=state, after=after, limit=limit),
    )
    return [Gap(*row) for row in await cursor.fetchall()]


async def get(tx: Tx, gap_id: UUID) -> Gap | None:
    """The gap, if it may be read and is not answered by now."""
    cursor = await tx.execute(
        f"{_SHOWN} select * from shown where id = %(id)s",  # noqa: S608
        _values(id=gap_id),
    )
    row = await cursor.fetchone()
    return Gap(*row) if row else None


async def count_rare(tx: Tx) -> int:
    """How many questions are in no gap that may be read, or in none at all."""
    cursor = await tx.execute(_RARE, _values())
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def list_readable(tx: Tx) -> list[UUID]:
    """Every gap that may be read, also one that is answered by now."""
    rows = await (await tx.execute(_READABLE, _values())).fetchall()
    return [gap_id for (gap_id,) in rows]


async def wordings(tx: Tx, gap_ids: Sequence[UUID], *, limit: int) -> list[tuple[UUID, Question]]:
    """Of each gap the most central questions, each of another person: the nearest to all others first."""
    cursor = await tx.execute(_WORDINGS, {"gaps": list(gap_ids), "limit": limit})
    return [(gap_id, Question(*row)) for gap_id, *row in await cursor.fetchall()]


async def note_answered(tx: Tx, answered: Mapping[UUID, bool]) -> None:
    """Note which gaps the FAQs answer by now."""
    await tx.execute(
        "update faq_gaps g set answered = a.answered"
        " from unnest(%s::uuid[], %s::boolean[]) as a (id, answered)"
        " where g.id = a.id and g.answered <> a.answered",
        (list(answered), list(answered.values())),
    )


async def dismiss(tx: Tx, gap_id: UUID) -> None:
    """It is nothing that the shop wants to answer."""
    await tx.execute("update faq_gaps set dismissed_at = now() where id = %s", (gap_id,))


async def note_draft(tx: Tx, gap_id: UUID, external_id: str) -> None:
    """A FAQ was begun for it; if that FAQ is deleted, the gap is open again."""
    await tx.execute(
        "update faq_gaps set dismissed_at = null, faq_id = f.id from faqs f"
        " where faq_gaps.id = %s and f.external_id = %s",
        (gap_id, external_id),
    )


def vector_aad(turn_id: TurnId) -> bytes:
    """What binds a sealed vector to its row."""
    return b"faq_gap_questions.vector:" + turn_id.bytes


def _values(**values: object) -> dict[str, object]:
    least = {"least_questions": LEAST_QUESTIONS, "least_persons": LEAST_PERSONS}
    return {"days": DAYS, "most": MOST, "ours": OURS, **least, **values}


# What counts: no answer at all, an answer of a model that was rated down, or what a reviewer called missing;
# never what a reviewer called something else. An answer from a FAQ that was rated down is that FAQ's affair.
_UNANSWERED: LiteralString = """
with unanswered as materialized (
    select t.id, t.subject_id from turns t
    join conversations c on c.id = t.conversation_id and c.channel <> %(ours)s
    left join turn_reviews r on r.turn_id = t.id
    where t.id in (
            select id from turns where route = 'fallback'
            union select turn_id from feedback where rating = 'down'
            union select turn_id from turn_reviews where label = 'knowledge_missing')
        and t.state = 'done' and t.finished_at > now() - make_interval(days => %(days)s)
        and case when r.label is null then t.route in ('fallback', 'model')
            else r.label = 'knowledge_missing' end
    order by t.id desc limit %(most)s
)
"""
_ASKED: LiteralString = """
lateral (
    select m.id, m.text_sealed from messages m
    where m.turn_id = t.id and m.conversation_id = t.conversation_id and m.role = 'user' order by m.id limit 1
)
"""
_NEW: LiteralString = f"""{_UNANSWERED}
select t.id, t.subject_id, asked.id, asked.text_sealed from unanswered u
join turns t on t.id = u.id join subjects s on s.id = u.subject_id and s.erased_at is null
cross join {_ASKED} asked
where not exists (select from faq_gap_questions q where q.turn_id = u.id and q.embedder = %(embedder)s)
order by t.id limit %(limit)s
"""  # noqa: S608
# A turn that is being deleted is left out, and one that is held cannot be deleted before its row is there.
_PUT: LiteralString = """
with held as (
    select t.tenant_id, t.id, t.subject_id, v.embedder, v.sealed
    from (select %s::text as embedder, unnest(%s::uuid[]) as id,
        unnest(%s::uuid[]) as subject_id, unnest(%s::bytea[]) as sealed) v
    join turns t on t.id = v.id and t.subject_id = v.subject_id for key share of t skip locked
)
insert into faq_gap_questions (tenant_id, turn_id, subject_id, embedder, vector_sealed)
select tenant_id, id, subject_id, embedder, sealed from held
on conflict (tenant_id, turn_id) do update
    set embedder = excluded.embedder, vector_sealed = excluded.vector_sealed
"""
_FORGET: LiteralString = f"""{_UNANSWERED}
delete from faq_gap_questions q where not exists (select from unanswered u where u.id = q.turn_id)
"""  # noqa: S608
_GATHERED: LiteralString = """
select q.turn_id, q.subject_id, s.wrapped_key, q.vector_sealed, q.gap_id,
    coalesce(g.faq_id is not null or g.dismissed_at is not null, false)
from faq_gap_questions q join subjects s on s.id = q.subject_id and s.erased_at is null
left join faq_gaps g on g.id = q.gap_id
where q.embedder = %s order by q.turn_id
"""
_READABLE: LiteralString = """
select q.gap_id from faq_gap_questions q join subjects s on s.id = q.subject_id and s.erased_at is null
where q.gap_id is not null group by q.gap_id
having count(*) >= %(least_questions)s and count(distinct q.subject_id) >= %(least_persons)s
"""
_SHOWN: LiteralString = f"""
with shown as (
    select g.id,
        case when g.dismissed_at is not null then 'dismissed'
            when g.faq_id is not null then 'drafted' else 'open' end as state,
        counted.questions, counted.persons, counted.first_seen, counted.last_seen,
        (select f.external_id from faqs f where f.id = g.faq_id) as faq
    from faq_gaps g join (
        select q.gap_id, count(*) as questions, count(distinct q.subject_id) as persons,
            min(t.accepted_at) as first_seen, max(t.accepted_at) as last_seen
        from faq_gap_questions q join turns t on t.id = q.turn_id
        where q.gap_id in ({_READABLE})
            and exists (select from subjects s where s.id = q.subject_id and s.erased_at is null)
        group by q.gap_id
    ) counted on counted.gap_id = g.id
    where not g.answered
)
"""  # noqa: S608
_RARE: LiteralString = f"""
select count(*) from faq_gap_questions q
join subjects s on s.id = q.subject_id and s.erased_at is null
where q.gap_id is null or q.gap_id not in ({_READABLE})
"""  # noqa: S608
_WORDINGS: LiteralString = f"""
select gap_id, turn_id, subject_id, message_id, text_sealed from (
    select of_person.*, row_number() over (partition by gap_id order by nearness desc, turn_id) as place
    from (
        select distinct on (q.gap_id, q.subject_id) q.gap_id, q.turn_id, q.subject_id, q.nearness,
            asked.id as message_id, asked.text_sealed
        from faq_gap_questions q join turns t on t.id = q.turn_id
        join subjects s on s.id = q.subject_id and s.erased_at is null
        cross join {_ASKED} asked
        where q.gap_id = any(%(gaps)s) order by q.gap_id, q.subject_id, q.nearness desc, q.turn_id
    ) of_person
) placed where place <= %(limit)s order by gap_id, place
"""  # noqa: S608
