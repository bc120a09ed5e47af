"""FAQs as a search finds them: those nearest in meaning, weighed by shared words, or by words alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desk.domain import Principal, TenantId
from desk.storage.faqs import COLUMNS, SHOWN, Faq, faq_of
from desk.storage.pool import Database, Tx
from desk.storage.vectors import Vector

# Words are compared in this many FAQs, those nearest in meaning: the others are out of reach by any share.
CANDIDATES = 50
# A text of many sentences is as near to a FAQ as its best ones are on average.
BEST_SENTENCES = 5
# So many vectors are looked up in an index, where there is one: more than candidates, as FAQs have parts.
NEAR_ROWS = 64


@dataclass(frozen=True, slots=True)
class FoundFaq:
    """A FAQ, its cosine similarity, and the weighted share of the query's words that stand in it, 0 to 1."""

    faq: Faq
    cosine: float
    share: float = 0.0


# An array of few: those that have a life of their own, and not now. Who may not see drafts has none of them
# in it: they are left out when the candidates are read.
_UNSHOWN = f"""array(select f.id from faqs f
    where (f.draft or f.publish_at is not null or f.expires_at is not null)
        and not ({SHOWN}))"""  # noqa: S608

_ALL = "faq_embeddings"
_OF_ONE = """
    select e.faq_id, max(-(e.embedding <#> %b::vector)) as cosine from {vectors} e
    where e.faq_id <> all({hidden}) group by e.faq_id
"""
_OF_SEVERAL = f"""
    select faq_id, avg(cosine) as cosine from (
        select e.faq_id, max(-(e.embedding <#> s.vector)) as cosine,
            row_number() over (partition by e.faq_id order by max(-(e.embedding <#> s.vector)) desc) as place
        from {{vectors}} e cross join (values {{values}}) as s (sentence, vector)
        where e.faq_id <> all({{hidden}}) group by e.faq_id, s.sentence
    ) by_sentence where place <= {BEST_SENTENCES} group by faq_id
"""  # noqa: S608
# All vectors of those FAQs that the tenant's index finds near to any that is asked. The planner takes the
# index only for a tenant who is named; `offset 0` keeps it from reading all vectors to join them.
_INDEXED = """(
    select v.faq_id, v.embedding from (
        select distinct near.faq_id from (values {values}) as q (sentence, vector) cross join lateral (
            select faq_id from faq_embeddings where tenant_id = '{tenant}' and faq_id <> all({hidden})
            order by (embedding::halfvec({dimensions})) <#> q.vector::halfvec({dimensions}) limit {rows}
        ) near
    ) found cross join lateral (
        select e.faq_id, e.embedding from faq_embeddings e where e.faq_id = found.faq_id offset 0
    ) v
)"""
# The vectors of all FAQs that the caller may see.
_VISIBLE = """(
    select v.faq_id, v.embedding from faq_embeddings v where v.faq_id in (select id from faqs)
)"""
# The scan goes on in the index until there are as many rows as are asked for, and nothing is sorted instead.
_BY_INDEX = (
    "select set_config('hnsw.iterative_scan', 'relaxed_order', true),"
    " set_config('hnsw.ef_search', %s, true), set_config('enable_sort', 'off', true)"
)

# A word that stands in few of the candidates tells more than one that stands in all. Words are looked up one
# by one by `plainto_tsquery`, so that nothing a customer types can be an operator; in the FAQ's own language.
# Limits are written in: Postgres guesses that one it is not told is large, and would plan every search anew.
_NEAREST = """
with candidates as materialized (
    select faq_id, cosine from ({scores}) scored order by cosine desc, faq_id limit {most}
), texts as materialized (
    select f.*, c.cosine from candidates c join faqs f on f.id = c.faq_id
), asked as materialized (
    select language, word, ln(1 + (select count(*) from candidates)::float8 / (1 + (
        select count(*) from texts t where t.language = spoken.language and t.words @@ word))) as weight
    from (select distinct language from texts) spoken
        cross join lateral unnest(to_tsvector(text_search_of(language), %s))
        cross join lateral plainto_tsquery('simple', lexeme) word
)
select {columns}, f.cosine, s.share
from texts f cross join lateral (
    select coalesce(sum(weight) filter (where f.words @@ word) / sum(weight), 0) as share
    from asked where language = f.language
) s
order by f.cosine + %s * s.share desc, f.external_id limit {limit}
"""


async def nearest(
    database: Database,
    principal: Principal,
    vectors: NDArray[np.float32],
    limit: int,
    *,
    words: str = "",
    worth: float = 0.0,
    everything: bool = False,
) -> list[FoundFaq]:
    """The tenant's FAQs nearest to a vector, or to the best of several: rows of length 1; best first.

    Exact, unless the tenant has an index, which now and then misses one. Shared words are worth `worth` times
    their share. Only what is shown now is found, unless `everything`. Row-level security cuts the scan to the
    tenant's vectors; only the candidates' texts are read. One round trip: the answer is read when its
    transaction is over.
    """
    tenant_id, words = principal.tenant_id, words.replace("\0", " ")
    query = _Query(tenant_id, np.atleast_2d(vectors), limit, words, worth, everything)
    indexed = await database.has_near_index(tenant_id)
    found = await _run(database, principal, query, _INDEXED if indexed else _ALL)
    if len(found) < limit:
        # All candidates may be drafts, or parts of few documents; or there are no more.
        found = await _run(database, principal, query, _VISIBLE)
    return found


@dataclass(frozen=True, slots=True)
class _Query:
    """What is looked for, as in `nearest`; vectors of shape (sentences, dimensions)."""

    tenant_id: TenantId
    vectors: NDArray[np.float32]
    limit: int
    words: str
    worth: float
    everything: bool

    def statement(self, among: str) -> str:
        """SQL for `values`, among the vectors that one of the pieces of SQL above gives."""
        hidden = "'{}'::uuid[]" if self.everything else _UNSHOWN
        values = ", ".join(f"({number}, %b::vector)" for number in range(len(self.vectors)))
        vectors = among.format(
            values=values,
            hidden=hidden,
            tenant=self.tenant_id,
            dimensions=self.vectors.shape[1],
            rows=max(self.limit, NEAR_ROWS),
        )
        scores = _OF_ONE if len(self.vectors) == 1 else _OF_SEVERAL
        scores = scores.format(hidden=hidden, values=values, vectors=vectors)
        return _NEAREST.format(
            scores=scores, columns=COLUMNS, limit=self.limit, most=max(self.limit, CANDIDATES)
        )

    def values(self, among: str) -> tuple[Any, ...]:
        """Its parameters."""
        vectors = [Vector(vector) for vector in self.vectors] * (1 + among.count("{values}"))
        return *vectors, self.words, self.worth


async def _run(database: Database, principal: Principal, query: _Query, among: str) -> list[FoundFaq]:
    async with database.tenant_reading(principal) as tx:
        if among is _INDEXED:
            await tx.execute(_BY_INDEX, (str(NEAR_ROWS),))
        cursor = await tx.execute(query.statement(among), query.values(among), binary=True)
    return [FoundFaq(faq_of(row[:-2]), float(row[-2]), float(row[-1])) for row in await cursor.fetchall()]


# A rare word counts more than one that stands everywhere, and in the question more than in the answer.
_MATCHING = f"""
with asked as materialized (
    select config, lexeme, plainto_tsquery('simple', lexeme) as word
    from (select distinct text_search_of(language) as config from faqs) spoken
        cross join lateral unnest(to_tsvector(config, %s))
), hits as (
    select f.id, config, lexeme,
        case when to_tsvector(config, f.question) @@ word then 1.0 else 0.5 end as place
    from faqs f join asked on config = text_search_of(f.language) and f.words @@ word where {SHOWN}
), weights as (
    select config, lexeme, ln(1 + (select count(*) from faqs)::float8 / (1 + count(id))) as weight
    from asked left join hits using (config, lexeme) group by config, lexeme
), best as (
    select id, sum(weight * place) / (select sum(weight) from weights w where w.config = h.config) as share
    from hits h join weights using (config, lexeme) group by id, h.config
)
select {COLUMNS}, best.share from best join faqs f on f.id = best.id
order by best.share desc, f.external_id limit %s
"""  # noqa: S608


async def matching_words(tx: Tx, query: str, limit: int) -> list[FoundFaq]:
    """The tenant's FAQs that share words with `query`, best first, for when vectors cannot be had.

    The share is that of the query's words that stand in the question (in the answer they count half),
    weighted by how rare they are; the cosine is 0.
    """
    cursor = await tx.execute(_MATCHING, (query.replace("\0", " "), limit))
    return [FoundFaq(faq_of(row[:-1]), 0.0, float(row[-1])) for row in await cursor.fetchall()]
