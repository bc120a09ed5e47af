"""FAQs: a tenant's questions and answers, their versions, their vectors, and how they are found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desk.domain import FaqId, TenantId, new_id
from desk.storage.pool import Tx
from desk.storage.vectors import Vector

_COLUMNS = (
    "f.id, f.external_id, f.category, f.language, f.question, coalesce(f.answer, ''), f.version, f.updated_at"
)


@dataclass(frozen=True, slots=True)
class FaqEntry:
    """A FAQ as a tenant hands it in; `aliases` are other wordings, kept as vectors only."""

    external_id: str
    question: str
    answer: str = ""
    category: str | None = None
    language: str = "en"
    aliases: tuple[str, ...] = ()


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


@dataclass(frozen=True, slots=True)
class FoundFaq:
    """A FAQ and how well it fits: cosine similarity, or for words their share, 0 to 1."""

    faq: Faq
    score: float


@dataclass(frozen=True, slots=True)
class Upserted:
    """How many FAQs are new, have another question or answer than before, or read the same."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0

    def __add__(self, other: Upserted) -> Upserted:
        return Upserted(
            self.added + other.added, self.changed + other.changed, self.unchanged + other.unchanged
        )


_UPSERT = """
with incoming as (
    select * from unnest(%(ids)s::uuid[], %(external_ids)s::text[], %(categories)s::text[],
                         %(languages)s::text[], %(questions)s::text[], %(answers)s::text[])
        as row (id, external_id, category, language, question, answer)
), written as (
    insert into faqs as f (tenant_id, id, external_id, category, language, question, answer)
    select %(tenant)s::uuid, id, external_id, category, language, question, answer from incoming
    on conflict (tenant_id, external_id) do update
        set category = excluded.category, language = excluded.language, question = excluded.question,
            answer = excluded.answer, updated_at = now(),
            version = f.version
                + ((f.question, f.answer) is distinct from (excluded.question, excluded.answer))::int
        where (f.question, f.answer, f.category, f.language)
            is distinct from (excluded.question, excluded.answer, excluded.category, excluded.language)
    returning f.id, f.version, f.question, f.answer
), versions as (
    insert into faq_versions (tenant_id, faq_id, version, question, answer)
    select %(tenant)s::uuid, id, version, question, answer from written
    on conflict do nothing
    returning version
)
select count(*) filter (where version = 1), count(*) filter (where version > 1) from versions
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
    }
    cursor = await tx.execute(_UPSERT, columns)
    added, changed = await cursor.fetchone() or (0, 0)
    return Upserted(added, changed, len(entries) - added - changed)


async def lock(tx: Tx, tenant_id: TenantId) -> None:
    """Keep every other writer of this tenant's FAQs out until the transaction ends."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended('faqs:' || %s::text, 0))", (tenant_id,))


async def without_vectors(tx: Tx, entries: Sequence[FaqEntry], parts: Sequence[int]) -> set[str]:
    """External ids of those entries whose vectors are missing, or belong to other words or another cut.

    `parts` says how many vectors each entry should have.
    """
    cursor = await tx.execute(
        "select e.external_id from unnest(%s::text[], %s::text[], %s::text[], %s::int[])"
        " as e (external_id, question, answer, parts)"
        " left join faqs f on f.external_id = e.external_id"
        " and f.question = e.question and coalesce(f.answer, '') = e.answer"
        " where (select count(*) from faq_embeddings v where v.faq_id = f.id) <> e.parts",
        (
            [entry.external_id for entry in entries],
            [entry.question for entry in entries],
            [entry.answer for entry in entries],
            list(parts),
        ),
    )
    stale = {external_id for (external_id,) in await cursor.fetchall()}
    # No text of an alias is kept, so nobody can tell whether it is the same as before.
    return stale | {entry.external_id for entry in entries if entry.aliases}


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
    """FAQs whose vectors were made by another model than `embedder`; other wordings are not kept."""
    cursor = await tx.execute(
        "select external_id, question, coalesce(answer, ''), category, language from faqs"
        " where embedder <> %s order by external_id limit %s",
        (embedder, limit),
    )
    return [FaqEntry(*row) for row in await cursor.fetchall()]


async def still_reading(tx: Tx, entries: Sequence[FaqEntry]) -> set[str]:
    """External ids of those entries whose question and answer are stored just so."""
    cursor = await tx.execute(
        "select e.external_id from unnest(%s::text[], %s::text[], %s::text[])"
        " as e (external_id, question, answer) join faqs f on f.external_id = e.external_id"
        " and f.question = e.question and coalesce(f.answer, '') = e.answer",
        (
            [entry.external_id for entry in entries],
            [entry.question for entry in entries],
            [entry.answer for entry in entries],
        ),
    )
    return {external_id for (external_id,) in await cursor.fetchall()}


async def get(tx: Tx, external_id: str) -> Faq | None:
    """The FAQ with the tenant's own id."""
    cursor = await tx.execute(f"select {_COLUMNS} from faqs f where external_id = %s", (external_id,))  # noqa: S608
    row = await cursor.fetchone()
    return _faq(row) if row else None


async def list_page(tx: Tx, cursor: str | None, limit: int) -> list[Faq]:
    """At most `limit` FAQs by external id, those after `cursor`: the last external id seen, None to begin."""
    found = await tx.execute(
        f"select {_COLUMNS} from faqs f where external_id > %s order by external_id limit %s",  # noqa: S608
        (cursor or "", limit),
    )
    return [_faq(row) for row in await found.fetchall()]


async def count(tx: Tx) -> int:
    """How many FAQs the tenant has."""
    cursor = await tx.execute("select count(*) from faqs")
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


async def nearest(tx: Tx, vector: NDArray[np.float32], limit: int) -> list[FoundFaq]:
    """The tenant's FAQs nearest to `vector` (length 1), best part of each, best first; exact.

    Row-level security cuts the scan to the tenant's vectors; only the winners' texts are read.
    """
    cursor = await tx.execute(
        f"select {_COLUMNS}, best.score from ("  # noqa: S608
        " select faq_id, max(-(embedding <#> %b::vector)) as score from faq_embeddings"
        " group by faq_id order by score desc, faq_id limit %s) best"
        " join faqs f on f.id = best.faq_id order by best.score desc, f.external_id",
        (Vector(vector), limit),
    )
    return [FoundFaq(_faq(row[:-1]), float(row[-1])) for row in await cursor.fetchall()]


# A rare word counts more than one that stands everywhere, and in the question more than in the answer. The
# words are looked up one by one by `plainto_tsquery`, so that nothing a customer types can be an operator.
_MATCHING = f"""
with asked as materialized (
    select plainto_tsquery('simple', lexeme) as word from unnest(to_tsvector('simple', %s))
), hits as (
    select f.id, word, case when to_tsvector('simple', f.question) @@ word then 1.0 else 0.5 end as place
    from faqs f join asked on f.words @@ word
), weights as (
    select word, ln(1 + (select count(*) from faqs)::float8 / (1 + count(id))) as weight
    from asked left join hits using (word) group by word
), best as (
    select id, sum(weight * place) / (select sum(weight) from weights) as score
    from hits join weights using (word) group by id
)
select {_COLUMNS}, best.score from best join faqs f on f.id = best.id
order by best.score desc, f.external_id limit %s
"""  # noqa: S608


async def matching_words(tx: Tx, query: str, limit: int) -> list[FoundFaq]:
    """The tenant's FAQs that share words with `query`, best first, for when vectors cannot be had.

    The score is the share of the query's words that stand in the question (in the answer they count half),
    weighted by how rare they are: 0 to 1, and no cosine.
    """
    cursor = await tx.execute(_MATCHING, (query.replace("\0", " "), limit))
    return [FoundFaq(_faq(row[:-1]), float(row[-1])) for row in await cursor.fetchall()]


def _faq(row: tuple[Any, ...]) -> Faq:
    return Faq(FaqId(row[0]), *row[1:])
