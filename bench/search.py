"""B8 search: how a search grows with the FAQs of a tenant, beside plain exact SQL and one index for all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import fmean
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from bench.peers.row_by_row import PlainTable
from bench.result import Figures, Result, at_least, at_most
from bench.rounds import percentile
from bench.stage import Cast, Effort, Stage, open_cast
from desk.domain import Principal, Tenant
from desk.storage import faqs, found_faqs, near_index, tenants
from desk.storage.faqs import FaqEntry
from desk.storage.migrate import connected_owner
from desk.storage.pool import Database

Vectors = NDArray[np.float32]

SIZES = (1_000, 10_000, 100_000)
# Above it, building the one index of the peer takes longer than everything else together.
MOST_INDEXED = 10_000
# Nine rows in ten of that index are of other tenants, whose questions are about the same things.
OTHERS = 9
NEAREST = 10
A_CLUSTER = 50
NOISE = 0.6
BATCH = 1000
# The small tenant, and how many such live beside it.
A_NEIGHBOUR, NEIGHBOURS = 500, 999

_CROWD = (
    "insert into shared.faqs (tenant_id, id, external_id, question)"
    " select tenant, gen_random_uuid(), external_id, question from crowd, shared.faqs"
    " where tenant_id = %(tenant)s",
    "insert into shared.faq_embeddings (tenant_id, faq_id, part, embedding)"
    " select copy.tenant_id, copy.id, 0, embedding from crowd"
    " join shared.faqs copy on copy.tenant_id = crowd.tenant"
    " join shared.faqs own on own.external_id = copy.external_id and own.tenant_id = %(tenant)s"
    " join shared.faq_embeddings on faq_id = own.id",
    "analyze shared.faqs, shared.faq_embeddings",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What one side found: the share of the true nearest, the rows it returned, and its milliseconds."""

    recall: float
    rows: float
    times: list[float]

    def figures(self) -> Figures:
        """As they are shown."""
        return {
            "p50_ms": round(percentile(self.times, 0.5) * 1000, 2),
            "p95_ms": round(percentile(self.times, 0.95) * 1000, 2),
            "recall_at_10": round(self.recall, 4),
            "rows": round(self.rows, 2),
        }


async def measure(
    stage: Stage, effort: Effort, sizes: tuple[int, ...] = SIZES, neighbours: int = NEIGHBOURS
) -> Result:
    """Vectors are made up, in clusters, as the model would take hours; the peer has no rights to heed.

    The first tenant is small and lives beside `neighbours` of its size; those after it are ever larger.
    """
    axis: list[dict[str, Any]] = []
    async with open_cast(stage) as cast:
        stage.say(f"search: {A_NEIGHBOUR} FAQs, {neighbours} neighbours")
        point = await _point(stage, cast, A_NEIGHBOUR, effort, neighbours)
        axis.append({"faqs": f"{A_NEIGHBOUR}, {neighbours + 1:,} tenants", **point})
        for size in sizes:
            stage.say(f"search: {size} FAQs")
            axis.append({"faqs": size, **await _point(stage, cast, size, effort)})
    first, last = axis[0]["ours"], axis[-1]
    goals = [
        at_most(f"p50 in ms among {neighbours + 1:,} tenants", first["p50_ms"], 1),
        at_least(f"recall of the ten nearest among {neighbours + 1:,} tenants", first["recall_at_10"], 0.99),
        at_most(f"p95 in ms at {sizes[-1]:,}", last["ours"]["p95_ms"], 3),
        at_least(f"recall of the ten nearest at {sizes[-1]:,}", last["ours"]["recall_at_10"], 0.98),
    ]
    title = (
        "FAQs of one tenant searched by meaning, beside plain exact SQL and one HNSW index for all tenants"
    )
    return Result("search", title, last["ours"], last["peer"], last["ratio"], axis, goals)


async def _point(stage: Stage, cast: Cast, size: int, effort: Effort, neighbours: int = 0) -> dict[str, Any]:
    vectors, asked = made_up(size, 2 * effort.turns)
    tenant = await _fill(stage, cast, vectors)
    await _add_neighbours(stage, tenant, neighbours)
    point: dict[str, Any] = {"ours": {"index_s": await _index(stage, tenant, vectors)}}
    point["ours"] |= await _ask_ours(stage, tenant, vectors, asked)
    exact = _plain(stage, "bench_exact", vectors)
    indexed = _one_index(stage, vectors) if size <= MOST_INDEXED else None
    try:
        point["peer"] = (await _ask(_of(exact), vectors, asked)).figures()
        if indexed is not None:
            point["peer_one_index"] = (await _ask(_of(indexed), vectors, asked)).figures()
    finally:
        exact.close()
        if indexed is not None:
            indexed.close()
    point["ratio"] = {
        name: round(point["peer"][name] / point["ours"][name], 2) for name in ("p50_ms", "p95_ms")
    }
    return point


async def _add_neighbours(stage: Stage, tenant: Tenant, count: int) -> None:
    """Tenants that know the very same as this one."""
    async with connected_owner(stage.stores.migration_database_url) as conn:
        # A trigger counts changes for the tenant that is at work.
        await conn.execute("select set_config('app.tenant', %s, false)", (str(tenant.id),))
        await conn.execute("create temp table crowd (tenant uuid)")
        await conn.execute("insert into crowd select gen_random_uuid() from generate_series(1, %s)", (count,))
        for statement in _CROWD:
            await conn.execute(statement.encode(), {"tenant": tenant.id})


async def _index(stage: Stage, tenant: Tenant, vectors: Vectors) -> float:
    """What an operator does for a tenant of this size; seconds."""
    if len(vectors) < near_index.WORTH_IT:
        return 0.0
    stage.say(f"search: an index of {len(vectors)} FAQs")
    began = time.perf_counter()
    async with connected_owner(stage.stores.migration_database_url) as conn:
        await near_index.make(conn, tenant, vectors.shape[1])
    return round(time.perf_counter() - began, 1)


async def _ask_ours(stage: Stage, tenant: Tenant, vectors: Vectors, asked: Vectors) -> Figures:
    # A pool of its own, which has not looked yet what is indexed.
    database = Database(stage.stores.database_url, size=2)
    await database.open()
    admin = Principal(tenant.id, "admin")

    async def ours(vector: Vectors) -> list[str]:
        found = await found_faqs.nearest(database, admin, vector, NEAREST)
        return [one.faq.external_id for one in found]

    try:
        return (await _ask(ours, vectors, asked)).figures()
    finally:
        await database.close()


def made_up(size: int, asked: int) -> tuple[Vectors, Vectors]:
    """Rows in clusters of A_CLUSTER, and `asked` queries each near one of the rows; all of length 1."""
    chance = np.random.default_rng(size)
    centres = _unit(chance.standard_normal((max(1, size // A_CLUSTER), 384), dtype=np.float32))
    rows = _near(centres[np.arange(size) % len(centres)], chance)
    return rows, _near(rows[chance.integers(0, size, asked)], chance)


def _near(vectors: Vectors, chance: np.random.Generator) -> Vectors:
    return _unit(vectors + NOISE * _unit(chance.standard_normal(vectors.shape, dtype=np.float32)))


def _unit(vectors: Vectors) -> Vectors:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


async def _fill(stage: Stage, cast: Cast, vectors: Vectors) -> Tenant:
    """A tenant with a FAQ for each vector; its id is its number."""
    database = cast.services.engine.database
    async with database.control_tx() as tx:
        tenant = await tenants.create(tx, f"bench-{uuid4().hex}", "A shop")
    admin = Principal(tenant.id, "admin")
    for start in range(0, len(vectors), BATCH):
        stage.say(f"search: {start}/{len(vectors)} FAQs written")
        batch = vectors[start : start + BATCH]
        entries = [FaqEntry(str(start + at), f"Question {start + at}") for at in range(len(batch))]
        async with database.tenant_tx(admin) as tx:
            await faqs.upsert(tx, tenant.id, entries)
            made = {entry.external_id: row[None] for entry, row in zip(entries, batch, strict=True)}
            await faqs.put_vectors(tx, tenant.id, made)
    return tenant


def _plain(stage: Stage, name: str, vectors: Vectors) -> PlainTable:
    table = PlainTable(stage.stores.migration_database_url, name, vectors.shape[1])
    table.fill(0, vectors)
    return table


def _one_index(stage: Stage, vectors: Vectors) -> PlainTable:
    stage.say("search: one index for all tenants")
    table = _plain(stage, "bench_one_index", vectors)
    chance = np.random.default_rng(0)
    for other in range(1, OTHERS + 1):
        table.fill(other, _near(vectors, chance))
    table.index()
    return table


def _of(table: PlainTable) -> Callable[[Vectors], Awaitable[list[str]]]:
    async def ask(vector: Vectors) -> list[str]:
        return await asyncio.to_thread(table.nearest, 0, vector, NEAREST)

    return ask


async def _ask(search: Callable[[Vectors], Awaitable[list[str]]], vectors: Vectors, asked: Vectors) -> Asked:
    """What is true is worked out afterwards: its threads would be in the way of whoever is timed.

    The first half of the questions is not timed: what follows is as on a day's second hour, not as right
    after an import, when every page is still to be written and read.
    """
    times, found = [], []
    for vector in asked[: len(asked) // 2]:
        await search(vector)
    asked = asked[len(asked) // 2 :]
    for vector in asked:
        began = time.perf_counter()
        found.append(await search(vector))
        times.append(time.perf_counter() - began)
    recalls = [_recall(vectors, *pair) for pair in zip(asked, found, strict=True)]
    return Asked(fmean(recalls), fmean(map(len, found)), times)


def _recall(vectors: Vectors, vector: Vectors, found: list[str]) -> float:
    true = {str(row) for row in np.argsort(-(vectors @ vector), kind="stable")[:NEAREST]}
    return len(true.intersection(found)) / len(true)
