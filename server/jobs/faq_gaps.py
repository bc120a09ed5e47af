"""FAQ gaps: gathers the questions that had no answer, and looks whether the FAQs answer them by now."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

import numpy as np

from desk.domain import Principal, Tenant, TurnId, new_id
from desk.privacy.sealing import DataKey, SealBroken
from desk.retrieval.gathering import Floats, Groups, gather, nearness
from desk.retrieval.search import DEFAULT_THRESHOLD, FaqSearch
from desk.storage import faq_gaps
from desk.storage.faq_gaps import Gathered
from desk.subjects.wordings import Wording, open_questions, wordings_of
from desk.telemetry.broken_seals import note_broken
from server.jobs.workplace import Workplace

BATCH = 200
# Half the bytes, and closer than the embedder is to itself between two machines.
_KEPT_AS = np.float16


async def find_faq_gaps(place: Workplace, tenant: Tenant) -> bool:
    """Take in a batch of new questions; True when more may be left, else all are gathered and looked at.

    Broken off at any point it is simply begun again: what was taken in stays, the rest is worked out anew.
    """
    if await _take_in(place, tenant):
        return True
    await _gather(place, tenant)
    await _look(place, tenant)
    return False


async def _take_in(place: Workplace, tenant: Tenant) -> bool:
    """Keep the vectors of a batch, each sealed under its person's key; False when that was the last one."""
    worker, embedder = Principal(tenant.id, "worker"), place.embedder
    async with place.tx(tenant) as tx:
        await faq_gaps.forget(tx)
        found = await faq_gaps.take_new(tx, embedder.name, limit=faq_gaps.MOST)
    # All, as those that do not open come again each time, and must not stand before the others.
    texts = await open_questions(place.keys, worker, found)
    asked = [question for question in found if question.turn_id in texts][:BATCH]
    vectors = await embedder.embed([texts[question.turn_id] for question in asked])
    sealed = []
    for question, vector in zip(asked, vectors, strict=True):
        turn_id, subject_id = question.turn_id, question.subject_id
        key = await place.keys.data_key(Principal(tenant.id, "worker", subject_id))
        plain = vector.astype(_KEPT_AS).tobytes()
        sealed.append((turn_id, subject_id, key.seal(plain, aad=faq_gaps.vector_aad(turn_id))))
    async with place.tx(tenant) as tx:
        kept = await faq_gaps.put(tx, embedder.name, sealed)
    return len(texts) >= BATCH and kept > 0


async def _gather(place: Workplace, tenant: Tenant) -> None:
    """Join what is alike; a gap keeps its id, of two that are joined the older one's stays."""
    async with place.tx(tenant) as tx:
        found = await faq_gaps.list_gathered(tx, place.embedder.name)
    places = await asyncio.to_thread(_places, place, tenant, found) if found else []
    async with place.tx(tenant) as tx:
        await faq_gaps.place(tx, Principal(tenant.id, "worker"), places)


def _places(
    place: Workplace, tenant: Tenant, gathered: Sequence[Gathered]
) -> list[tuple[TurnId, UUID | None, float]]:
    """Each question with its gap and how near it is to the gap's questions; None for one that is alone."""
    opened = _opened(place, tenant, gathered)
    found = [one for one in gathered if one.turn_id in opened]
    vectors = np.array([opened[one.turn_id] for one in found], dtype=np.float32)
    vectors = vectors.reshape(-1, place.embedder.dimensions)
    # Gaps that somebody has decided on come first, so that it is their id that stays; then by age.
    decided = sorted({one.gap_id for one in found if one.gap_id and one.decided})
    others = sorted({one.gap_id for one in found if one.gap_id and not one.decided})
    ids = [*decided, *others]
    numbers = {gap_id: number for number, gap_id in enumerate(ids)}
    groups = [numbers[one.gap_id] if one.gap_id else len(ids) + number for number, one in enumerate(found)]
    joined = gather(vectors, groups, kept_apart=frozenset(range(len(decided))))
    near = nearness(vectors, joined)
    gap_ids = _gap_ids(joined, ids)
    return [
        (one.turn_id, gap_ids.get(int(group)), float(how))
        for one, group, how in zip(found, joined, near, strict=True)
    ]


def _gap_ids(joined: Groups, ids: Sequence[UUID]) -> dict[int, UUID]:
    """The gap of each group: the one that it began as, a new one where two or more came together."""
    groups, sizes = np.unique(joined, return_counts=True)
    return {
        int(group): ids[group] if group < len(ids) else new_id()
        for group, size in zip(groups, sizes, strict=True)
        if group < len(ids) or size > 1
    }


def _opened(place: Workplace, tenant: Tenant, found: Sequence[Gathered]) -> dict[TurnId, Floats]:
    """The vectors by turn, without those whose seal broke."""
    keys: dict[UUID, DataKey] = {}
    vectors: dict[TurnId, Floats] = {}
    for one in found:
        try:
            if one.subject_id not in keys:
                keys[one.subject_id] = place.master.unwrap(one.wrapped_key, subject=one.subject_id)
            plain = keys[one.subject_id].open(one.vector_sealed, aad=faq_gaps.vector_aad(one.turn_id))
        except SealBroken:
            note_broken("faq_gap_question", tenant.id, one.turn_id)
            continue
        vectors[one.turn_id] = np.frombuffer(plain, dtype=_KEPT_AS).astype(np.float32)
    return vectors


async def _look(place: Workplace, tenant: Tenant) -> None:
    """Note which gaps the FAQs answer by now: those of which more than half of the wordings get a passage."""
    worker = Principal(tenant.id, "worker")
    async with place.tx(tenant) as tx:
        readable = await faq_gaps.list_readable(tx)
    of_gaps = await wordings_of(place.database, place.keys, worker, readable)
    search = FaqSearch(place.database, place.embedder)
    answered = {gap_id: await _is_answered(search, tenant, wordings) for gap_id, wordings in of_gaps.items()}
    async with place.tx(tenant) as tx:
        await faq_gaps.note_answered(tx, answered)


async def _is_answered(search: FaqSearch, tenant: Tenant, wordings: Sequence[Wording]) -> bool:
    own = tenant.settings.faq_threshold
    needed = DEFAULT_THRESHOLD if own is None else own
    hits = 0
    for wording in wordings:
        found = await search(Principal(tenant.id, "worker"), wording.text, limit=1)
        hits += bool(found) and found[0].score >= needed
    return 2 * hits > len(wordings)
