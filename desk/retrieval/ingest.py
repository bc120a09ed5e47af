"""Brings FAQs into a tenant's knowledge: batch by batch, each with its vectors or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from desk.domain import Principal
from desk.models.embeddings import Embedder
from desk.retrieval import split
from desk.retrieval.load import BadRow
from desk.storage import audit, faqs
from desk.storage.faqs import FaqEntry, Upserted
from desk.storage.pool import Database, Tx

BATCH = 64
# Texts that go to a core at a time: with fewer the event loop is in the way, with more one waits at the end.
AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What became of the rows so far."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    bad: tuple[BadRow, ...] = ()

    @property
    def seen(self) -> int:
        """How many rows were read."""
        return self.added + self.changed + self.unchanged + len(self.bad)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Rows that are written together, and the vectors of those that had none when they were read."""

    entries: list[FaqEntry]
    counts: list[int]
    parts: dict[str, split.Vectors]
    bad: tuple[BadRow, ...]


async def ingest(
    database: Database,
    embedder: Embedder,
    principal: Principal,
    entries: Iterable[FaqEntry | BadRow],
    *,
    on_progress: Callable[[IngestReport], None] = lambda _: None,
) -> IngestReport:
    """Add or replace the tenant's FAQs; of two entries with one id the later one stays.

    What did not change is not embedded again, so an import that was cut off is simply run again.
    `entries` is read in a thread, a batch at a time; its errors come through.
    """
    report = IngestReport()
    rows = iter(entries)
    ahead = asyncio.create_task(_prepare(database, embedder, principal, rows))
    try:
        while batch := await ahead:
            # Postgres writes these while the processor embeds the next.
            ahead = asyncio.create_task(_prepare(database, embedder, principal, rows))
            done = await _store(database, embedder, principal, batch)
            report = IngestReport(
                report.added + done.added,
                report.changed + done.changed,
                report.unchanged + done.unchanged,
                report.bad + batch.bad,
            )
            on_progress(report)
    finally:
        ahead.cancel()
        await asyncio.gather(ahead, return_exceptions=True)
    return report


async def reembed(database: Database, embedder: Embedder, principal: Principal, *, limit: int = BATCH) -> int:
    """Make the vectors of at most `limit` FAQs anew that another model made; returns how many there were."""
    async with database.tenant_tx(principal) as tx:
        entries = await faqs.of_another_embedder(tx, embedder.name, limit)
    vectors = await _embed(embedder, entries) if entries else {}
    async with database.tenant_tx(principal) as tx:
        await faqs.lock(tx, principal.tenant_id)
        same = await faqs.still_reading(tx, entries)
        made = {external_id: vectors[external_id] for external_id in same}
        await faqs.put_vectors(tx, principal.tenant_id, made, embedder=embedder.name)
    return len(entries)


async def _prepare(
    database: Database, embedder: Embedder, principal: Principal, rows: Iterator[FaqEntry | BadRow]
) -> _Batch | None:
    """The next rows; None when there are no more."""
    read = await asyncio.to_thread(lambda: list(islice(rows, BATCH)))
    entries = list({row.external_id: row for row in read if isinstance(row, FaqEntry)}.values())
    counts = [split.count_parts(entry) for entry in entries]
    async with database.tenant_tx(principal) as tx:
        missing = await faqs.without_vectors(tx, entries, counts)
    parts = await _embed(embedder, [entry for entry in entries if entry.external_id in missing])
    bad = tuple(row for row in read if isinstance(row, BadRow))
    return _Batch(entries, counts, parts, bad) if read else None


async def _store(database: Database, embedder: Embedder, principal: Principal, batch: _Batch) -> Upserted:
    entries, parts = batch.entries, dict(batch.parts)
    while True:
        async with database.tenant_tx(principal) as tx:
            # Two imports at once must not leave the words of one beside the vectors of the other.
            await faqs.lock(tx, principal.tenant_id)
            missing = await faqs.without_vectors(tx, entries, batch.counts) - parts.keys()
            if not missing:
                done = await faqs.upsert(tx, principal.tenant_id, entries)
                await faqs.put_vectors(tx, principal.tenant_id, parts, embedder=embedder.name)
                await _note(tx, principal, entries, done)
                return done
        # Another import changed them. No lock and no connection is held while the processor works.
        parts |= await _embed(embedder, [entry for entry in entries if entry.external_id in missing])


async def _note(tx: Tx, principal: Principal, entries: list[FaqEntry], done: Upserted) -> None:
    if done.added or done.changed or done.moved:
        one = entries[0].external_id if len(entries) == 1 else ""
        counts = {"added": done.added, "changed": done.changed}
        if done.moved:
            counts["moved"] = done.moved
        await audit.record(tx, principal, "faqs.written", one, counts)


async def _embed(embedder: Embedder, entries: list[FaqEntry]) -> dict[str, split.Vectors]:
    texts = [split.texts(entry) for entry in entries]
    flat = [text for of_entry in texts for text in of_entry]
    vectors = np.empty((len(flat), embedder.dimensions), dtype=np.float32)

    by_length = sorted(range(len(flat)), key=lambda place: len(flat[place]), reverse=True)
    starts = iter(range(0, len(flat), AT_ONCE))

    async def embed_next() -> None:
        for start in starts:
            places = by_length[start : start + AT_ONCE]
            vectors[places] = await embedder.embed([flat[place] for place in places])

    # Two at once: an import is worth two cores, and leaves the others to the customers. Each takes the next
    # texts when it is done with its own, the long ones first, so that both are done at nearly the same time.
    await asyncio.gather(embed_next(), embed_next())
    rows = iter(vectors)
    return {
        entry.external_id: split.join(entry, np.stack(list(islice(rows, len(of_entry)))))
        for entry, of_entry in zip(entries, texts, strict=True)
    }
