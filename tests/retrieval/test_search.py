"""Ingest and search together, on the real model and the real database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from desk.domain import Principal, TenantId, new_id
from desk.errors import InvalidInput, Unavailable
from desk.models.embeddings import MiniLM, Vectors
from desk.retrieval.hits import HitCounts
from desk.retrieval.ingest import AT_ONCE, BATCH, IngestReport, ingest
from desk.retrieval.load import BadRow
from desk.retrieval.search import DEFAULT_THRESHOLD, FaqSearch
from desk.storage import faq_hits, faqs, found_faqs
from desk.storage.faqs import FaqEntry
from desk.storage.pool import Database

SHIPPING = FaqEntry("ship", "How long does shipping take?", "Standard shipping takes five business days.")
RETURNS = FaqEntry("back", "What is your return policy?", "Send any item back within 30 days.")
HOURS = FaqEntry("hours", "When are you open?", "Our shop is open from nine to five.")
FAQS = (SHIPPING, RETURNS, HOURS)


class CountingEmbedder:
    """The real model, which notes the texts it was given, and can be broken."""

    name = MiniLM.name
    dimensions = MiniLM.dimensions
    words: frozenset[str] = frozenset()

    def __init__(self, model: MiniLM) -> None:
        self._model = model
        self.seen: list[str] = []
        self.broken = False

    async def embed(self, texts: Sequence[str]) -> Vectors:
        if self.broken:
            raise RuntimeError("the model is gone")
        self.seen += texts
        return await self._model.embed(texts)


@pytest.fixture
def counting(embedder: MiniLM) -> CountingEmbedder:
    return CountingEmbedder(embedder)


async def test_a_paraphrase_finds_its_faq_and_small_talk_none(
    database: Database, embedder: MiniLM, admin: Principal, user: Principal
) -> None:
    await ingest(database, embedder, admin, FAQS)
    search = FaqSearch(database, embedder)
    [best, second] = await search(user, "how long until my parcel is shipped here", limit=2)
    assert (best.source_id, best.kind, best.version) == ("ship", "faq", 1)
    assert (best.title, best.text) == (SHIPPING.question, SHIPPING.answer)
    assert best.score > DEFAULT_THRESHOLD > second.score
    [stray] = await search(user, "sing me a song about elephants", limit=1)
    assert stray.score < DEFAULT_THRESHOLD / 2


async def test_a_known_vector_is_not_computed_again(
    database: Database, counting: CountingEmbedder, admin: Principal
) -> None:
    await ingest(database, counting, admin, FAQS)
    [vector] = await counting.embed(["opening times"])
    counting.seen.clear()
    found = await FaqSearch(database, counting).search(admin, "opening times", vector, limit=1)
    assert [passage.source_id for passage in found] == ["hours"]
    assert counting.seen == []


async def test_an_import_runs_again_without_embedding_what_is_there(
    database: Database, counting: CountingEmbedder, admin: Principal
) -> None:
    many = [FaqEntry(f"{n}", f"Question number {n}?", f"Answer {n}.") for n in range(BATCH + 3)]
    progress: list[IngestReport] = []
    bad = BadRow(3, "it is not JSON")
    report = await ingest(database, counting, admin, [*many, bad], on_progress=progress.append)
    assert (report.added, report.changed, report.unchanged, report.bad) == (len(many), 0, 0, (bad,))
    assert [step.seen for step in progress] == [BATCH, BATCH + 4]

    counting.seen.clear()
    many[5] = FaqEntry("5", "Question number 5?", "Another answer.")
    report = await ingest(database, counting, admin, many)
    assert (report.added, report.changed, report.unchanged) == (0, 1, len(many) - 1)
    assert sorted(counting.seen) == ["Another answer.", "Question number 5?"]


async def test_a_text_that_takes_long_holds_up_only_those_beside_it(
    database: Database, embedder: MiniLM, admin: Principal
) -> None:
    rest_is_done = asyncio.Event()

    class Slow(CountingEmbedder):
        async def embed(self, texts: Sequence[str]) -> Vectors:
            if "Question number 0?" in texts:
                await rest_is_done.wait()
            made = await super().embed(texts)
            if len(self.seen) >= BATCH - AT_ONCE:
                rest_is_done.set()
            return made

    many = [FaqEntry(f"{n}", f"Question number {n}?") for n in range(BATCH)]
    async with asyncio.timeout(60):
        await ingest(database, Slow(embedder), admin, many)
    for n in (0, AT_ONCE, BATCH - 1):
        [best] = await FaqSearch(database, embedder)(admin, f"Question number {n}?", limit=1)
        assert best.source_id == f"{n}"


async def test_an_import_cut_off_midway_leaves_no_faq_without_vectors(
    database: Database, counting: CountingEmbedder, admin: Principal
) -> None:
    counting.broken = True
    with pytest.raises(RuntimeError):
        await ingest(database, counting, admin, FAQS)
    counting.broken = False
    assert await FaqSearch(database, counting)(admin, "shipping", limit=3) == []
    assert (await ingest(database, counting, admin, FAQS)).added == 3


async def test_what_was_read_before_an_error_is_kept(
    database: Database, counting: CountingEmbedder, admin: Principal
) -> None:
    def damaged() -> Iterator[FaqEntry]:
        yield from (FaqEntry(f"{n}", f"Question number {n}?") for n in range(2 * BATCH))
        raise InvalidInput("the file ends in the middle")

    with pytest.raises(InvalidInput):
        await ingest(database, counting, admin, damaged())
    async with database.tenant_tx(admin) as tx:
        assert await faqs.count(tx) == 2 * BATCH


async def test_of_two_rows_with_one_id_the_later_stays_with_its_own_vector(
    database: Database, counting: CountingEmbedder, admin: Principal
) -> None:
    await ingest(database, counting, admin, [SHIPPING])
    between = [FaqEntry(f"{n}", f"Question number {n}?") for n in range(BATCH - 1)]
    # The first of the two is written while the second, which reads as what is stored, was looked at already.
    await ingest(database, counting, admin, [replace(HOURS, external_id="ship"), *between, SHIPPING])
    [best, *_] = await FaqSearch(database, counting)(admin, SHIPPING.question, limit=5)
    assert (best.source_id, best.text, best.version) == ("ship", SHIPPING.answer, 3)
    assert best.score > 0.75


async def test_other_wordings_are_found(database: Database, embedder: MiniLM, admin: Principal) -> None:
    await ingest(database, embedder, admin, FAQS)
    search = FaqSearch(database, embedder)
    before = (await search(admin, "is somebody there on sundays", limit=1))[0]
    reworded = replace(HOURS, aliases=("Are you there at the weekend?",))
    await ingest(database, embedder, admin, [reworded])
    after = (await search(admin, "is somebody there on sundays", limit=1))[0]
    assert (after.source_id, after.version) == ("hours", 1)
    assert after.score > before.score + 0.1


@pytest.mark.parametrize("failure", ["embedder", "vectors"])
async def test_without_vectors_words_are_matched_within_the_tenant_and_it_is_said(
    database: Database, counting: CountingEmbedder, admin: Principal, failure: str
) -> None:
    stranger = Principal(TenantId(new_id()), "admin")
    await ingest(database, counting, admin, FAQS)
    await ingest(database, counting, stranger, [FaqEntry("theirs", "How long does shipping take?", "Ages.")])
    said: list[tuple[str, str]] = []
    search = FaqSearch(database, counting, on_degraded=lambda *what: said.append(what))
    counting.broken = failure == "embedder"
    vector = np.ones(3, dtype=np.float32) if failure == "vectors" else None

    found = await search.find(admin, "how long does it take", vector, limit=5)
    assert found.degraded
    assert found.passages[0].source_id == "ship"
    assert found.passages[0].score > DEFAULT_THRESHOLD
    assert "theirs" not in [passage.source_id for passage in found.passages]
    assert said == [("vector search", "text search")]
    vague = await search.find(admin, "nine elephants on the way back", vector, limit=1)
    assert vague.passages[0].score < DEFAULT_THRESHOLD


async def test_no_tenant_finds_anothers_faqs(database: Database, embedder: MiniLM, admin: Principal) -> None:
    stranger = Principal(TenantId(new_id()), "admin")
    await ingest(database, embedder, admin, FAQS)
    found = await FaqSearch(database, embedder).find(stranger, SHIPPING.question, limit=5)
    assert (found.passages, found.degraded) == ([], False)


async def test_a_database_that_is_away_is_no_empty_result(embedder: MiniLM, admin: Principal) -> None:
    away = Database("host=/nowhere dbname=desk", size=2, acquire_seconds=0.05)
    with pytest.raises(Unavailable):
        await FaqSearch(away, embedder)(admin, "shipping", limit=1)


async def test_a_draft_and_what_is_not_shown_now_are_not_found(
    database: Database, embedder: MiniLM, admin: Principal, user: Principal
) -> None:
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    unshown = [
        replace(SHIPPING, external_id="draft", draft=True),
        replace(SHIPPING, external_id="later", publish_at=now + hour),
        replace(SHIPPING, external_id="over", expires_at=now - hour),
    ]
    shown = replace(SHIPPING, external_id="now", publish_at=now - hour, expires_at=now + hour)
    await ingest(database, embedder, admin, [*unshown, shown])
    search = FaqSearch(database, embedder)
    for principal in (user, admin):
        found = await search(principal, SHIPPING.question, limit=5)
        assert [passage.source_id for passage in found] == ["now"]
    await ingest(database, embedder, admin, [replace(unshown[0], draft=False)])
    found = await search(user, SHIPPING.question, limit=5)
    assert {passage.source_id for passage in found} == {"now", "draft"}


async def test_a_short_message_goes_on_with_the_question_before(
    database: Database, embedder: MiniLM, admin: Principal
) -> None:
    abroad = FaqEntry("abroad", "How long does shipping to Canada take?", "Parcels to Canada take ten days.")
    await ingest(database, embedder, admin, [*FAQS, abroad])
    search = FaqSearch(database, embedder)
    alone = (await search.find(admin, "and to Canada?", limit=1)).passages[0]
    after = (await search.find(admin, "and to Canada?", limit=1, before=SHIPPING.question)).passages[0]
    assert after.source_id == "abroad"
    assert after.score > alone.score
    stray = (await search.find(admin, "asdkjh qwe", limit=1, before=SHIPPING.question)).passages[0]
    assert stray.score < DEFAULT_THRESHOLD, "the question before is not answered again"


async def test_a_long_message_is_searched_by_its_sentences(
    database: Database, embedder: MiniLM, admin: Principal
) -> None:
    await ingest(database, embedder, admin, FAQS)
    talk = "My grandmother told me a story about the old house. " * 9
    found = await FaqSearch(database, embedder)(admin, talk + "When are you open on Mondays?", limit=1)
    assert found[0].source_id == "hours"


async def test_words_are_compared_in_the_language_of_the_faq(
    database: Database, embedder: MiniLM, admin: Principal
) -> None:
    german = FaqEntry("de", "Wie lange dauern Lieferungen?", "Fünf Tage.", language="de")
    await ingest(database, embedder, admin, [*FAQS, german])
    async with database.tenant_tx(admin) as tx:
        found = await found_faqs.matching_words(tx, "Lieferung", 3)
    assert [hit.faq.external_id for hit in found] == ["de"]


async def test_hits_are_written_together_and_seen_by_the_staff_alone(
    database: Database, embedder: MiniLM, admin: Principal, user: Principal
) -> None:
    await ingest(database, embedder, admin, FAQS)
    async with HitCounts(database).written() as hits:
        for faq_id in ("ship", "ship", "back", "gone"):
            hits.note(admin.tenant_id, faq_id)
    counted: dict[str, int] = {}
    async with database.tenant_tx(admin) as tx:
        by_id = {faq.id: faq.external_id for faq in await faqs.list_page(tx, None, 9)}
        counted = {by_id[one]: number for one, number in (await faq_hits.count(tx, list(by_id))).items()}
    assert counted == {"ship": 2, "back": 1}
    async with database.tenant_tx(user) as tx:
        assert await faq_hits.count(tx, list(by_id)) == {}
