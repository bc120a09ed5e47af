"""FAQs: a tenant's questions and answers, their versions, their vectors, and how they are found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from psycopg.types.json import Jsonb

from desk.domain import FaqId, TenantId, new_id
from desk.storage.pool import Tx
from desk.storage.vectors import Vector

COLUMNS = (
    "f.id, f.external_id, f.category, f.language, f.question, coalesce(f.answer, ''), f.version,"
    " f.updated_at, f.aliases, f.draft, f.publish_at, f.expires_at"
)
# Asked of the clock when it is read, so that nothing is shown too long because a job was late.
SHOWN = "not f.draft and coalesce(f.publish_at <= now(), true) and coalesce(f.expires_at > now(), true)"


State = Literal["shown", "draft", "scheduled", "expired"]
# As `Faq.state` says it.
_STATE = (
    "case when f.draft then 'draft' when f.publish_at > now() then 'scheduled'"
    " when f.expires_at <= now() then 'expired' else 'shown' end"
)


@dataclass(frozen=True, slots=True)
class FaqEntry:
    """A FAQ as a tenant hands it in; `aliases` are other wordings of its question, such as customers used.

    It is shown unless it is a draft, from `publish_at` and until `expires_at` where they are set.
    """

    external_id: str
    question: str
    answer: str = ""
    category: str | None = None
    language: str = "en"
    aliases: tuple[str, ...] = ()
    draft: bool = False
    publish_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Faq:
    """One row; `answer` is empty when the tenant gave none."""

    id: FaqId
    external_id: str
    category: str | None
    language: str
    question: str
    answer: str
    version: int
    updated_at: datetime
    aliases: tuple[str, ...] = ()
    draft: bool = False
    publish_at: datetime | None = None
    expires_at: datetime | None = None

    def state(self, now: datetime) -> State:
        """Whether customers are given it at `now`, and if not, why."""
        if self.draft:
            return "draft"
        if self.publish_at and self.publish_at > now:
            return "scheduled"
        return "expired" if self.expires_at and self.expires_at <= now else "shown"


@dataclass(frozen=True, slots=True)
class Upserted:
    """How many FAQs are new, have another question or answer than before, or read the same.

    Of those that read the same, `moved` have another category, language, wording or time of showing.
    """

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    moved: int = 0


# Other wordings come as JSON, as arrays of arrays must all be of one length.
_UPSERT = """
with incoming as (
    select id, external_id, category, language, question, answer, draft, publish_at, expires_at,
        array(select jsonb_array_elements_text(other)) as aliases
    from unnest(%(ids)s::uuid[], %(external_ids)s::text[], %(categories)s::text[], %(languages)s::text[],
                %(questions)s::text[], %(answers)s::text[], %(aliases)s::jsonb[], %(drafts)s::boolean[],
                %(publish_at)s::timestamptz[], %(expires_at)s::timestamptz[])
        as row (id, external_id, category, language, question, answer, other, draft, publish_at, expires_at)
), written as (
    insert into faqs as f (tenant_id, id, external_id, category, language, question, answer, aliases, draft,
                           publish_at, expires_at)
    select %(tenant)s::uuid, id, external_id, category, language, question, answer, aliases, draft,
           publish_at, expires_at from incoming
    on conflict (tenant_id, external_id) do update
        set category = excluded.category, language = excluded.language, question = excluded.question,
            answer = excluded.answer, aliases = excluded.aliases, draft = excluded.draft,
            publish_at = excluded.publish_at, expires_at = excluded.expires_at, updated_at = now(),
            version = f.version
                + ((f.question, f.answer) is distinct from (excluded.question, excluded.answer))::int
        where (f.question, f.answer, f.category, f.language, f.aliases, f.draft, f.publish_at, f.expires_at)
            is distinct from (excluded.question, excluded.answer, excluded.category, excluded.language,
                              excluded.aliases, excluded.draft, excluded.publish_at, excluded.expires_at)
    returning f.id, f.version, f.question, f.answer
), versions as (
    insert into faq_versions (tenant_id, faq_id, version, question, answer)
    select %(tenant)s::uuid, id, version, question, answer from written
    on conflict do nothing
    returning version
)
select count(*) filter (where version = 1), count(*) filter (where version > 1),
    (select count(*) from written) - count(*) from versions
"""


async def upsert(tx: Tx, tenant_id: TenantId, entries: Sequence[FaqEntry]) -> Upserted:
    """Add or replace FAQs by their external ids, which must differ within `entries`.

    A question or answer that reads otherwise than before makes a new version. Vectors: `put_vectors`.
    """
    columns = {
        "tenant": tenant_id,
        "ids": [new_id() for _ in entries],
        "external_ids": [entry.external_id for entry in entries],
        "categories": [entry.category for entry in entries],
        "languages": [entry.language for entry in entries],
        "questions": [entry.question for entry in entries],
        "answers": [entry.answer or None for entry in entries],
        "aliases": [Jsonb(entry.aliases) for entry in entries],
        "drafts": [entry.draft for entry in entries],
        "publish_at": [entry.publish_at for entry in entries],
        "expires_at": [entry.expires_at for entry in entries],
    }
    cursor = await tx.execute(_UPSERT, columns)
    added, changed, moved = await cursor.fetchone() or (0, 0, 0)
    return Upserted(added, changed, len(entries) - added - changed, moved)


async def lock(tx: Tx, tenant_id: TenantId) -> None:
    """Keep every other writer of this tenant's FAQs out until the transaction ends."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended('faqs:' || %s::text, 0))", (tenant_id,))


async def without_vectors(tx: Tx, entries: Sequence[FaqEntry], parts: Sequence[int]) -> set[str]:
    """External ids of those entries whose vectors are missing, or belong to other words or another cut.

    `parts` says how many vectors each entry should have.
    """
    cursor = await tx.execute(
        "select e.external_id"
        " from unnest(%s::text[], %s::text[], %s::text[], %s::jsonb[], %s::int[])"
        " as e (external_id, question, answer, aliases, parts)"
        " left join faqs f on f.external_id = e.external_id and f.question = e.question"
        " and coalesce(f.answer, '') = e.answer and to_jsonb(f.aliases) = e.aliases"
        " where (select count(*) from faq_embeddings v where v.faq_id = f.id) <> e.parts",
        (*_texts(entries), list(parts)),
    )
    return {external_id for (external_id,) in await cursor.fetchall()}


async def put_vectors(
    tx: Tx, tenant_id: TenantId, vectors: dict[str, NDArray[np.float32]], *, embedder: str | None = None
) -> None:
    """Replace the vectors of FAQs, given by external id as arrays of shape (parts, dimensions).

    `embedder` names the model that made them; vectors of an unknown model are never made anew.
    """
    await tx.execute("update faqs set embedder = %s where external_id = any(%s)", (embedder, list(vectors)))
    await tx.execute(
        "delete from faq_embeddings v using faqs f where f.id = v.faq_id and f.external_id = any(%s)",
        (list(vectors),),
    )
    rows = [
        (tenant_id, part, Vector(row), external_id)
        for external_id, parts in vectors.items()
        for part, row in enumerate(parts)
    ]
    async with tx.cursor() as cursor:
        await cursor.executemany(
            "insert into faq_embeddings (tenant_id, faq_id, part, embedding)"
            " select %s, id, %s, %b::vector from faqs where external_id = %s",
            rows,
        )


async def of_another_embedder(tx: Tx, embedder: str, limit: int) -> list[FaqEntry]:
    """FAQs whose vectors were made by another model than `embedder`."""
    cursor = await tx.execute(
        "select external_id, question, coalesce(answer, ''), category, language, aliases from faqs"
        " where embedder <> %s order by external_id limit %s",
        (embedder, limit),
    )
    return [replace(FaqEntry(*row[:-1]), aliases=tuple(row[-1])) for row in await cursor.fetchall()]


async def still_reading(tx: Tx, entries: Sequence[FaqEntry]) -> set[str]:
    """External ids of those entries whose question, answer and other wordings are stored just so."""
    cursor = await tx.execute(
        "select e.external_id from unnest(%s::text[], %s::text[], %s::text[], %s::jsonb[])"
        " as e (external_id, question, answer, aliases) join faqs f on f.external_id = e.external_id"
        " and f.question = e.question and coalesce(f.answer, '') = e.answer"
        " and to_jsonb(f.aliases) = e.aliases",
        _texts(entries),
    )
    return {external_id for (external_id,) in await cursor.fetchall()}


def _texts(entries: Sequence[FaqEntry]) -> tuple[list[Any], ...]:
    """Columns of what vectors are made of, with the ids."""
    return (
        [entry.external_id for entry in entries],
        [entry.question for entry in entries],
        [entry.answer for entry in entries],
        [Jsonb(entry.aliases) for entry in entries],
    )


async def get(tx: Tx, external_id: str, *, everything: bool = True) -> Faq | None:
    """The FAQ with the tenant's own id; without `everything`, only if it is shown now."""
    cursor = await tx.execute(
        f"select {COLUMNS} from faqs f where external_id = %s and (%s or {SHOWN})",  # noqa: S608
        (external_id, everything),
    )
    row = await cursor.fetchone()
    return faq_of(row) if row else None


@dataclass(frozen=True, slots=True)
class FaqVersion:
    """A question and answer as they once read."""

    version: int
    question: str
    answer: str
    created_at: datetime


async def versions(tx: Tx, external_id: str) -> list[FaqVersion]:
    """Every version of a FAQ, the newest first; empty when there is no such FAQ."""
    cursor = await tx.execute(
        "select v.version, v.question, coalesce(v.answer, ''), v.created_at from faq_versions v"
        " join faqs f on f.id = v.faq_id where f.external_id = %s order by v.version desc",
        (external_id,),
    )
    return [FaqVersion(*row) for row in await cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which FAQs are meant; None does not narrow. `text` stands in their question, answer or wordings."""

    category: str | None = None
    state: State | None = None
    text: str | None = None


ALL = Filter()


async def list_page(
    tx: Tx, cursor: str | None, limit: int, wanted: Filter = ALL, *, everything: bool = True
) -> list[Faq]:
    """At most `limit` FAQs by external id, those after `cursor`: the last external id seen, None to begin.

    Without `everything`, those alone that are shown now.
    """
    found = await tx.execute(
        f"select {COLUMNS} from faqs f where external_id > %(after)s and (%(everything)s or {SHOWN})"  # noqa: S608
        " and (%(category)s::text is null or category = %(category)s)"
        f" and (%(state)s::text is null or {_STATE} = %(state)s)"
        " and (%(text)s::text is null or strpos(lower(concat_ws(chr(10), question, answer,"
        " array_to_string(aliases, chr(10)))), lower(%(text)s)) > 0)"
        " order by external_id limit %(limit)s",
        {"after": cursor or "", "everything": everything, "limit": limit, **asdict(wanted)},
    )
    return [faq_of(row) for row in await found.fetchall()]


async def count_by_category(tx: Tx, *, everything: bool) -> list[tuple[str | None, int]]:
    """Each category with how many FAQs it has, by name, those without one last; `everything` as elsewhere."""
    cursor = await tx.execute(
        f"select category, count(*) from faqs f where (%s or {SHOWN}) group by category order by category",  # noqa: S608
        (everything,),
    )
    return [(name, int(number)) for name, number in await cursor.fetchall()]


async def count(tx: Tx) -> int:
    """How many FAQs the tenant has."""
    cursor = await tx.execute("select count(*) from faqs")
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def count_vectors(tx: Tx) -> int:
    """How many vectors a search of the tenant's FAQs reads."""
    cursor = await tx.execute("select count(*) from faq_embeddings")
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def delete(tx: Tx, external_id: str) -> bool:
    """Remove a FAQ with its versions and vectors; False when there is none."""
    cursor = await tx.execute("delete from faqs where external_id = %s", (external_id,))
    return cursor.rowcount == 1


async def delete_missing(tx: Tx, keep: Sequence[str]) -> int:
    """Remove every FAQ whose external id is not in `keep`; returns how many went."""
    cursor = await tx.execute("delete from faqs where external_id <> all(%s::text[])", (list(keep),))
    return cursor.rowcount


def faq_of(row: tuple[Any, ...]) -> Faq:
    """The FAQ of a row of `COLUMNS`."""
    fields = list(row)
    fields[8] = tuple(row[8])  # the aliases
    return Faq(*fields)
