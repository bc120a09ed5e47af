"""B8 ingest: how many rows of a FAQ are loaded a second, beside embedding and inserting one by one."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from bench.peers.row_by_row import OneByOne, PlainTable
from bench.result import Figures, Result, at_least, require_equal
from bench.rounds import percentile
from bench.stage import Cast, Effort, Stage, open_cast
from desk.domain import Principal
from desk.models.embeddings import load_minilm
from desk.retrieval.ingest import ingest
from desk.storage import faqs, tenants
from desk.storage.faqs import FaqEntry
from prompts.intents import load_intents

ROWS = 1024
QUESTION_WORDS, ANSWER_WORDS = 6, 9
TENANT = 1
PACK = "bookshop"


async def measure(stage: Stage, effort: Effort, sizes: tuple[int, ...] = (ROWS // 8, ROWS)) -> Result:
    """Rows of 15 words, a question with its answer, into an empty tenant; both sides are asked for a row."""
    axis: list[dict[str, Any]] = []
    async with open_cast(stage) as cast:
        for size in sizes:
            stage.say(f"ingest: {size} rows")
            ours, peer = [], []
            for number in range(effort.rounds):
                rows = _rows(size, number)
                ours.append(size / await _load_ours(cast, rows))
                peer.append(size / await asyncio.to_thread(_load_peer, stage, rows))
            axis.append({"rows": size, "ours": _figures(ours), "peer": _figures(peer)})
    last = axis[-1]
    for point in axis:
        point["ratio"] = {"rows_per_s": round(point["ours"]["rows_per_s"] / point["peer"]["rows_per_s"], 2)}
    goals = [at_least("rows a second", last["ours"]["rows_per_s"], 500)]
    title = f"Rows of {QUESTION_WORDS + ANSWER_WORDS} words loaded, beside embedding and inserting one by one"
    return Result("ingest", title, last["ours"], last["peer"], last["ratio"], axis, goals)


def _figures(rates: list[float]) -> Figures:
    return {"rows_per_s": round(percentile(rates, 0.5), 1)}


def _rows(count: int, seed: int) -> list[FaqEntry]:
    """Rows in customers' own words, put together by chance, so that none was embedded before."""
    chance = random.Random(seed)
    examples = (example for intent in load_intents(PACK).intents for example in intent.examples)
    words = [word for example in examples for word in example.split()]

    def said(length: int) -> str:
        return " ".join(chance.choices(words, k=length))

    return [FaqEntry(f"row-{n}", said(QUESTION_WORDS), said(ANSWER_WORDS)) for n in range(count)]


async def _load_ours(cast: Cast, rows: list[FaqEntry]) -> float:
    """Seconds."""
    engine = cast.services.engine
    async with engine.database.control_tx() as tx:
        tenant = await tenants.create(tx, f"bench-{uuid4().hex}", "A shop")
    admin = Principal(tenant.id, "admin")
    began = time.perf_counter()
    await ingest(engine.database, engine.embedder, admin, rows)
    took = time.perf_counter() - began
    (found,) = await engine.faqs(admin, _asked(rows), limit=1)
    require_equal("ours", found.source_id, rows[0].external_id)
    async with engine.database.tenant_tx(admin) as tx:
        require_equal("ours", str(await faqs.count(tx)), str(len(rows)))
    return took


def _load_peer(stage: Stage, rows: list[FaqEntry]) -> float:
    """Seconds."""
    model = load_minilm(stage.settings.models_path)
    embeddings = OneByOne(model)
    table = PlainTable(stage.stores.migration_database_url, "bench_row_by_row", model.dimensions)
    try:
        began = time.perf_counter()
        for row in rows:
            table.add(TENANT, row.external_id, _array(embeddings, f"{row.question} {row.answer}"))
        took = time.perf_counter() - began
        (found,) = table.nearest(TENANT, _array(embeddings, _asked(rows)), 1)
        require_equal("the peer", found, rows[0].external_id)
        return took
    finally:
        table.close()
        embeddings.close()


def _array(embeddings: OneByOne, text: str) -> NDArray[np.float32]:
    return np.array(embeddings.embed_query(text), dtype=np.float32)


def _asked(rows: list[FaqEntry]) -> str:
    return f"{rows[0].question} {rows[0].answer}"
