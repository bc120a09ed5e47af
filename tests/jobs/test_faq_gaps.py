"""Questions without an answer become gaps: counted, readable when many ask, and gone once answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID, uuid4

import numpy as np
import psycopg
import pytest
from prometheus_client import REGISTRY

import server.jobs.faq_gaps
from desk.domain import Principal, SubjectId, Tenant, TurnId
from desk.models.embeddings import MiniLM
from desk.privacy.sealing import DataKey
from desk.retrieval.ingest import ingest
from desk.storage import erasures, faq_gaps, faqs, turn_reviews
from desk.storage.faq_gaps import Gap
from desk.storage.faqs import FaqEntry
from desk.storage.messages import text_aad
from desk.storage.outcomes import OURS
from desk.storage.pool import Database
from desk.storage.turn_reviews import Label
from desk.subjects.adoption import adopt
from desk.subjects.wordings import wordings_of
from server.jobs.faq_gaps import find_faq_gaps
from server.jobs.workplace import Workplace
from tests.jobs.talks import add_talk

NORWAY = ("Do you ship to Norway?", "Can you send my order to Norway?", "Is shipping to Norway possible?")
BITCOIN = ("Can I pay with bitcoin?", "Do you accept bitcoin payments?", "Is paying in bitcoin possible?")
RARE = "Why is the sky blue over the sea?"
SHIPPING = FaqEntry("norway", NORWAY[0], "Yes, we ship to Norway within ten days.", aliases=NORWAY[1:])


@pytest.fixture
def desk(place: Workplace, embedder: MiniLM) -> Workplace:
    """Where jobs work, with the real embedder."""
    return replace(place, embedder=embedder)


async def somebody(place: Workplace, tenant: Tenant, *, kind: str = "person") -> Principal:
    subject_id = await place.keys.subject(tenant.id, "test", uuid4().hex, kind=kind)
    return Principal(tenant.id, "user", subject_id)


async def ask(
    place: Workplace,
    person: Principal,
    text: str,
    *,
    route: str = "fallback",
    rating: str = "up",
    channel: str = "web",
    days: int = 0,
) -> TurnId:
    """An ended turn with this question, sealed as turns seal it."""
    talk, key = await add_talk(place.database, person, days=days), await place.keys.data_key(person)
    async with place.database.tenant_tx(Principal(person.tenant_id, "worker")) as tx:
        for statement, value in (
            ("update turns set route = %s where id = %s", route),
            ("update feedback set rating = %s where turn_id = %s", rating),
        ):
            await tx.execute(statement, (value, talk.turn_id))
        await tx.execute("update conversations set channel = %s where id = %s", (channel, talk.id))
        cursor = await tx.execute("select id from messages where turn_id = %s", (talk.turn_id,))
        [(message_id,)] = await cursor.fetchall()
        sealed = key.seal_text(text, aad=text_aad(message_id))
        await tx.execute("update messages set text_sealed = %s where id = %s", (sealed, message_id))
    return talk.turn_id


async def ask_all(place: Workplace, people: Sequence[Principal], texts: Sequence[str]) -> list[TurnId]:
    return [await ask(place, person, text) for person, text in zip(people, texts, strict=True)]


async def work(place: Workplace, tenant: Tenant) -> int:
    """Run the job until nothing is left; in how many slices."""
    slices = 1
    while await find_faq_gaps(place, tenant):
        slices += 1
        assert slices < 20
    return slices


async def gaps(place: Workplace, tenant: Tenant, state: faq_gaps.State | None = "open") -> list[Gap]:
    async with place.database.tenant_tx(Principal(tenant.id, "admin")) as tx:
        return await faq_gaps.list_page(tx, state, limit=50)


async def asked(place: Workplace, tenant: Tenant) -> list[set[str]]:
    """The wordings of each open gap."""
    ids = [gap.id for gap in await gaps(place, tenant)]
    found = await wordings_of(place.database, place.keys, Principal(tenant.id, "admin"), ids)
    return [{one.text for one in found[gap_id]} for gap_id in ids]


async def groups(database: Database, tenant: Tenant) -> dict[TurnId, UUID | None]:
    async with database.tenant_tx(Principal(tenant.id, "worker")) as tx:
        cursor = await tx.execute("select turn_id, gap_id from faq_gap_questions")
        return dict(await cursor.fetchall())


async def test_what_several_people_ask_is_a_gap_and_what_few_ask_is_only_counted(
    desk: Workplace, tenant: Tenant
) -> None:
    people = [await somebody(desk, tenant) for _ in range(3)]
    await ask_all(desk, people, NORWAY)
    await ask_all(desk, [people[0]] * 3, BITCOIN)
    await ask(desk, people[1], RARE)
    assert await work(desk, tenant) == 1
    [gap] = await gaps(desk, tenant)
    assert (gap.questions, gap.persons, gap.state, gap.faq_id) == (3, 3, "open", None)
    assert gap.first_seen < gap.last_seen
    assert await asked(desk, tenant) == [set(NORWAY)]
    async with desk.tx(tenant) as tx:
        assert await faq_gaps.count_rare(tx) == 4
    # A second person makes the other one readable; the first one stays what it was.
    await ask(desk, people[1], "Would a payment in bitcoin be possible?")
    await work(desk, tenant)
    bitcoin, norway = await gaps(desk, tenant)
    assert (bitcoin.questions, bitcoin.persons) == (4, 2)
    assert norway == gap
    assert len((await asked(desk, tenant))[0]) == 2, "one wording of each person"


async def test_pages_go_by_how_often_it_was_asked(desk: Workplace, tenant: Tenant) -> None:
    people = [await somebody(desk, tenant) for _ in range(4)]
    await ask_all(desk, people, (*NORWAY, NORWAY[0]))
    await ask_all(desk, people[:3], BITCOIN)
    await work(desk, tenant)
    async with desk.tx(tenant) as tx:
        [first] = await faq_gaps.list_page(tx, "open", limit=1)
        [second] = await faq_gaps.list_page(tx, "open", after=first.id, limit=1)
        assert await faq_gaps.list_page(tx, "open", after=second.id, limit=1) == []
    assert (first.questions, second.questions) == (4, 3)


async def test_what_the_faqs_answer_by_now_is_no_gap_until_they_do_not(
    desk: Workplace, tenant: Tenant, admin: Principal
) -> None:
    people = [await somebody(desk, tenant) for _ in range(3)]
    await ask_all(desk, people, NORWAY)
    await work(desk, tenant)
    [gap] = await gaps(desk, tenant)
    for entry, shown in ((replace(SHIPPING, draft=True), [gap]), (SHIPPING, [])):
        await ingest(desk.database, desk.embedder, admin, [entry])
        await work(desk, tenant)
        assert await gaps(desk, tenant) == shown
    async with desk.database.tenant_tx(admin) as tx:
        assert await faqs.delete(tx, "norway")
    await work(desk, tenant)
    assert await gaps(desk, tenant) == [gap]


async def test_which_turns_count(desk: Workplace, tenant: Tenant, admin: Principal) -> None:
    people = [await somebody(desk, tenant) for _ in range(2)]
    counted = {
        await ask(desk, people[0], NORWAY[0]),
        await ask(desk, people[1], NORWAY[1], route="model", rating="down"),
    }
    await ask(desk, people[0], NORWAY[2], route="model")
    await ask(desk, people[0], NORWAY[2], route="faq", rating="down")
    await ask(desk, people[0], NORWAY[2], channel=OURS)
    await ask(desk, people[0], NORWAY[2], days=faq_gaps.DAYS + 1)
    other = await ask(desk, people[0], NORWAY[2])
    labelled = await ask(desk, people[1], NORWAY[2], route="faq")
    await _label(desk, admin, other, "not_ours")
    await _label(desk, admin, labelled, "knowledge_missing")
    await work(desk, tenant)
    assert set(await groups(desk.database, tenant)) == counted | {labelled}
    await _label(desk, admin, labelled, "right")
    await work(desk, tenant)
    assert set(await groups(desk.database, tenant)) == counted


async def _label(place: Workplace, admin: Principal, turn_id: TurnId, label: Label) -> None:
    async with place.database.tenant_tx(admin) as tx:
        assert await turn_reviews.put(tx, admin, turn_id, label, None)


async def test_slices_that_are_broken_off_end_where_one_run_does(
    desk: Workplace, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.jobs.faq_gaps, "BATCH", 2)
    people = [await somebody(desk, tenant) for _ in range(3)]
    first, second = await ask_all(desk, people, NORWAY), await ask_all(desk, people, BITCOIN)
    assert await find_faq_gaps(desk, tenant)
    half = await groups(desk.database, tenant)
    assert half == dict.fromkeys(first[:2]), "taken in, and not gathered before all are"
    assert await work(desk, tenant) == 3
    whole = await groups(desk.database, tenant)
    assert len({whole[turn] for turn in first}) == len({whole[turn] for turn in second}) == 1
    assert None not in whole.values()
    assert len(set(whole.values())) == 2
    await work(desk, tenant)
    assert await groups(desk.database, tenant) == whole


async def test_of_the_newest_alone_a_gap_is_made(
    desk: Workplace, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [await somebody(desk, tenant) for _ in range(3)]
    turns = [*await ask_all(desk, people, NORWAY), await ask(desk, people[0], RARE)]
    await work(desk, tenant)
    monkeypatch.setattr(faq_gaps, "MOST", 2)
    await work(desk, tenant)
    assert set(await groups(desk.database, tenant)) == set(turns[-2:])
    assert await gaps(desk, tenant, None) == []


async def test_who_is_erased_is_not_counted_from_that_moment_on(desk: Workplace, tenant: Tenant) -> None:
    people = [await somebody(desk, tenant) for _ in range(4)]
    await ask_all(desk, people, (*NORWAY, NORWAY[0]))
    await work(desk, tenant)
    for person, left in zip(people, (3, None), strict=False):
        assert person.subject_id is not None
        async with desk.tx(tenant) as tx:
            await erasures.accept(tx, Principal(tenant.id, "admin"), person.subject_id)
        desk.keys.forget(person.subject_id)
        assert [gap.questions for gap in await gaps(desk, tenant)] == ([left] if left else [])
    async with desk.tx(tenant) as tx:
        assert await faq_gaps.count_rare(tx) == 2
        assert await erasures.delete_rows(tx, people[0].subject_id or SubjectId(uuid4()), limit=1000) > 0
    assert len(await groups(desk.database, tenant)) == 3
    await work(desk, tenant)
    assert await gaps(desk, tenant) == []


async def test_no_word_and_no_readable_vector_lies_in_the_tables(
    desk: Workplace, tenant: Tenant, owner_url: str
) -> None:
    people = [await somebody(desk, tenant) for _ in range(3)]
    await ask_all(desk, people, NORWAY)
    await work(desk, tenant)
    plain = (await desk.embedder.embed(NORWAY)).astype(np.float16)
    async with await psycopg.AsyncConnection.connect(owner_url) as conn:
        query = "select t::text, vector_sealed from shared.faq_gap_questions t where tenant_id = %s"
        rows = await (await conn.execute(query, (tenant.id,))).fetchall()
        rest = await conn.execute("select t::text from shared.faq_gaps t where tenant_id = %s", (tenant.id,))
        texts = [row[0] for row in rows] + [row[0] for row in await rest.fetchall()]
    assert len(texts) == 4
    assert not any("norway" in text.lower() for text in texts)
    for _, sealed in rows:
        assert not any(vector.tobytes()[:16] in sealed for vector in plain)
        with pytest.raises(Exception, match="could not be read"):
            DataKey.new().open(sealed, aad=b"")


async def test_a_visitors_question_goes_on_under_the_persons_key(desk: Workplace, tenant: Tenant) -> None:
    visitor = await somebody(desk, tenant, kind="anonymous")
    person, other = [await somebody(desk, tenant) for _ in range(2)]
    [turn, *_] = await ask_all(desk, (visitor, person, other), NORWAY)
    await work(desk, tenant)
    assert (await gaps(desk, tenant))[0].persons == 3
    assert visitor.subject_id is not None
    async with desk.tx(tenant) as tx:  # the talks of these tests have rows that nobody sealed
        for emptied in ("turn_steps", "effects", "checkpoints", "checkpoint_writes"):
            await tx.execute(f"delete from {emptied}".encode())
        await tx.execute("update turns set input_sealed = '', reply_sealed = ''")
    assert await adopt(desk.database, desk.keys, person, visitor.subject_id) == 1
    async with desk.tx(tenant) as tx:  # what was sealed for the visitor meanwhile comes too late
        assert await faq_gaps.put(tx, "other", [(turn, visitor.subject_id, b"theirs")]) == 0
    await ask(desk, other, NORWAY[0])
    await work(desk, tenant)
    [gap] = await gaps(desk, tenant)
    assert (gap.questions, gap.persons) == (4, 2)


async def test_what_was_decided_stays_so_also_with_another_embedder(
    desk: Workplace, tenant: Tenant, place: Workplace
) -> None:
    people = [await somebody(desk, tenant) for _ in range(3)]
    await ask_all(desk, people, NORWAY)
    await work(desk, tenant)
    [gap] = await gaps(desk, tenant)
    async with desk.tx(tenant) as tx:
        await faq_gaps.dismiss(tx, gap.id)
    await ask(desk, people[0], NORWAY[1])
    for embedding in (desk, place, desk):
        await work(embedding, tenant)
        assert await gaps(desk, tenant) == []
        [dismissed] = await gaps(desk, tenant, "dismissed")
        assert (dismissed.id, dismissed.questions) == (gap.id, 4)


async def test_a_draft_that_is_deleted_opens_its_gap_again(
    desk: Workplace, tenant: Tenant, admin: Principal
) -> None:
    people = [await somebody(desk, tenant) for _ in range(3)]
    await ask_all(desk, people, NORWAY)
    await work(desk, tenant)
    [gap] = await gaps(desk, tenant)
    await ingest(desk.database, desk.embedder, admin, [FaqEntry("norway", NORWAY[0], draft=True)])
    async with desk.database.tenant_tx(admin) as tx:
        await faq_gaps.note_draft(tx, gap.id, "norway")
    [drafted] = await gaps(desk, tenant, "drafted")
    assert drafted == replace(gap, state="drafted", faq_id="norway")
    async with desk.database.tenant_tx(admin) as tx:
        assert await faqs.delete(tx, "norway")
    assert await gaps(desk, tenant) == [gap]


def _passed_over() -> float:
    return REGISTRY.get_sample_value("desk_broken_seals_total", {"what": "message"}) or 0.0


async def test_one_broken_seal_stops_nobody_else(
    desk: Workplace, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a message, of a vector that is kept, and of a whole person's key; the others become their gap."""
    monkeypatch.setattr(server.jobs.faq_gaps, "BATCH", 2)
    people = [await somebody(desk, tenant) for _ in range(6)]
    turns = await ask_all(desk, people, (*NORWAY, *NORWAY))
    told = _passed_over()
    async with desk.tx(tenant) as tx:
        for turn_id in turns[:2]:  # a whole batch, the oldest
            await tx.execute("update messages set text_sealed = 'x' where turn_id = %s", (turn_id,))
    await work(desk, tenant)
    [gap] = await gaps(desk, tenant)
    assert (gap.questions, gap.persons) == (4, 4)
    assert _passed_over() > told
    async with desk.tx(tenant) as tx:
        await tx.execute("update faq_gap_questions set vector_sealed = 'x' where turn_id = %s", (turns[2],))
        await tx.execute("update subjects set wrapped_key = 'x' where id = %s", (people[3].subject_id,))
    desk.keys.forget(people[3].subject_id or SubjectId(uuid4()))
    await ask(desk, people[5], NORWAY[0])
    await work(desk, tenant)
    [gap] = await gaps(desk, tenant)
    assert gap.questions == 5
    assert await asked(desk, tenant) == [set(NORWAY)]
