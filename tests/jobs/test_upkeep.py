"""Hourly totals, vectors made anew, summaries of long conversations; and the schedule that calls them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, get_args
from uuid import UUID

import numpy as np
import pytest
from langgraph.checkpoint.base import Checkpoint, CheckpointTuple
from langgraph.graph import START, StateGraph

from desk.domain import ConversationId, Principal, Tenant, TurnId
from desk.models.embeddings import MiniLM
from desk.privacy.sealing import DataKey
from desk.retrieval.ingest import ingest
from desk.storage import checkpoint_rows, faqs, found_faqs, summaries, usage_hourly
from desk.storage.checkpoint_rows import CheckpointKey, CheckpointRow
from desk.storage.checkpoint_seals import config_of, open_row, seal_row
from desk.storage.faqs import FaqEntry
from desk.storage.jobs import JobName
from desk.storage.pool import Database
from desk.storage.staging import StagedSaver
from desk.storage.threads import thread_id
from graphs.state import WINDOW, TurnState
from server.jobs.aggregates import fill_hours
from server.jobs.reembed import reembed
from server.jobs.registry import JOBS, jobs_at
from server.jobs.summaries import summarise_conversations, summary_of
from server.jobs.workplace import Workplace
from tests.jobs.conftest import AxisEmbedder
from tests.jobs.talks import add_talk

HOUR = timedelta(hours=1)


async def _turn_at(database: Database, user: Principal, at: datetime, ms: int, route: str | None) -> None:
    """An ended turn of that time and length; ids say the time, too."""
    talk = await add_talk(database, user, days=0)
    async with database.tenant_tx(user) as tx:
        await tx.execute("delete from turn_steps where turn_id = %s", (talk.turn_id,))
        for table in ("effects", "feedback", "handoffs", "messages"):
            await tx.execute(f"delete from {table} where turn_id = %s".encode(), (talk.turn_id,))
        new = usage_hourly._first_id(at).int + (talk.turn_id.int & ((1 << 62) - 1))
        moved = TurnId(UUID(int=new))
        await tx.execute(
            "update turns set id = %s, accepted_at = %s, finished_at = %s, route = %s where id = %s",
            (moved, at, at + timedelta(milliseconds=ms), route, talk.turn_id),
        )
        await tx.execute("update usage set turn_id = %s where turn_id = %s", (moved, talk.turn_id))


async def test_hours_are_counted_by_route_again_and_again_with_the_same_result(
    database: Database, place: Workplace, tenant: Tenant, user: Principal
) -> None:
    this_hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    first, second = this_hour - 50 * HOUR, this_hour - 2 * HOUR
    for minute, ms, route in ((1, 100, "faq"), (2, 300, "faq"), (3, 200, "fallback"), (4, 50, None)):
        await _turn_at(database, user, first + timedelta(minutes=minute), ms, route)
    await _turn_at(database, user, second, 70, "canned")
    await _turn_at(database, user, this_hour, 70, "canned")

    slices = 0
    while await fill_hours(place, tenant):
        slices += 1
        assert slices < 5
    assert not await fill_hours(place, tenant)

    async with place.tx(tenant) as tx:
        hours = await usage_hourly.list_hours(tx, first, this_hour + HOUR)
    assert [(hour.hour, hour.route, hour.turns) for hour in hours] == [
        (first, "all", 4),
        (first, "failed", 1),
        (first, "fallback", 1),
        (first, "faq", 2),
        (second, "all", 1),
        (second, "canned", 1),
    ]
    everything, faq = hours[0], hours[3]
    assert (everything.prompt_tokens, everything.completion_tokens) == (40, 20)
    assert everything.cost_usd == Decimal("1.00")
    assert (faq.p50_ms, faq.p95_ms) == (200, 290)


async def test_totals_outlive_the_turns_and_customers_cannot_read_them(
    database: Database, place: Workplace, tenant: Tenant, user: Principal
) -> None:
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - HOUR
    await _turn_at(database, user, hour, 100, "faq")
    await fill_hours(place, tenant)
    async with place.tx(tenant) as tx:
        await tx.execute("delete from conversations")
    await fill_hours(place, tenant)
    async with place.tx(tenant) as tx:
        assert [row.turns for row in await usage_hourly.list_hours(tx, hour, hour + HOUR)] == [1, 1]
    async with database.tenant_tx(user) as tx:
        assert await usage_hourly.list_hours(tx, hour, hour + HOUR) == []


async def test_vectors_of_another_model_are_made_anew(
    database: Database, place: Workplace, embedder: MiniLM, tenant: Tenant, admin: Principal
) -> None:
    entries = [FaqEntry(f"faq-{n}", f"Question {n}?", "An answer.") for n in range(3)]
    await ingest(database, embedder, admin, entries)
    assert not await reembed(replace(place, embedder=embedder), tenant)
    async with place.tx(tenant) as tx:
        assert len(await faqs.of_another_embedder(tx, AxisEmbedder.name, 9)) == 3

    assert not await reembed(place, tenant)
    async with place.tx(tenant) as tx:
        assert await faqs.of_another_embedder(tx, AxisEmbedder.name, 9) == []
    axis = np.eye(384, dtype=np.float32)
    halfway = (axis[11] + axis[10]) / np.sqrt(2).astype(np.float32)
    found = await found_faqs.nearest(database, admin, halfway, 3)
    assert [hit.cosine for hit in found] == pytest.approx([1, 1, 1])


async def _long_talk(database: Database, place: Workplace, tenant: Tenant, count: int) -> tuple[Any, DataKey]:
    """A conversation of `count` messages with a real, sealed checkpoint."""
    subject = await place.keys.subject(tenant.id, "tests", f"somebody-{count}")
    person = Principal(tenant.id, "user", subject)
    key = await place.keys.data_key(person)
    talk = await add_talk(database, person, days=0)
    row_key = CheckpointKey(
        thread_id(tenant.id, subject, talk.id), "", "1f000000-0000-6000-8000-000000000000"
    )
    async with place.tx(tenant) as tx:
        await checkpoint_rows.replace(tx, _sealed(row_key, key))
        await tx.execute("update conversations set messages = %s where id = %s", (count, talk.id))
    return talk, key


def _sealed(row_key: CheckpointKey, key: DataKey) -> CheckpointRow:
    checkpoint: Checkpoint = {
        "v": 4,
        "id": row_key.checkpoint_id,
        "ts": "2026-01-01T00:00:00+00:00",
        "channel_values": {"window": [], "topic": {"order_ids": ["100234"]}, "language": "en"},
        "channel_versions": {"window": 3, "topic": 3, "language": 2},
        "versions_seen": {},
        "updated_channels": None,
    }
    return seal_row(CheckpointTuple(config_of(row_key), checkpoint, {"step": 3}), key)


async def _checkpoint(place: Workplace, tenant: Tenant, talk_id: ConversationId) -> CheckpointRow:
    async with place.tx(tenant) as tx:
        cursor = await tx.execute("select subject_id from conversations where id = %s", (talk_id,))
        row = await cursor.fetchone()
        assert row is not None
        loaded = await checkpoint_rows.load(tx, thread_id(tenant.id, row[0], talk_id))
        found = await loaded.fetchone()
    assert found is not None
    return found


async def _summary(place: Workplace, tenant: Tenant, talk_id: ConversationId, key: DataKey) -> Any:
    row = await _checkpoint(place, tenant, talk_id)
    return open_row(row, key).checkpoint["channel_values"].get("summary")


async def test_a_conversation_that_outgrew_its_window_is_summarised_once_per_window(
    database: Database, place: Workplace, tenant: Tenant
) -> None:
    long, key = await _long_talk(database, place, tenant, 14)
    short, short_key = await _long_talk(database, place, tenant, 4)
    assert not await summarise_conversations(place, tenant)
    assert await _summary(place, tenant, long.id, key) == "Topics so far: shipping. Order numbers: 100234."
    assert await _summary(place, tenant, short.id, short_key) is None
    async with place.tx(tenant) as tx:
        await tx.execute("update turns set intent = 'returns' where id = %s", (long.turn_id,))
    await summarise_conversations(place, tenant)
    assert "shipping" in await _summary(place, tenant, long.id, key), "two messages more are no reason"
    async with place.tx(tenant) as tx:
        await tx.execute("update conversations set messages = 26 where id = %s", (long.id,))
    await summarise_conversations(place, tenant)
    assert "returns" in await _summary(place, tenant, long.id, key)


async def test_a_conversation_that_does_not_open_is_passed_over_and_the_others_are_summarised(
    database: Database, place: Workplace, tenant: Tenant
) -> None:
    broken, _ = await _long_talk(database, place, tenant, 13)
    keyless, _ = await _long_talk(database, place, tenant, 15)
    whole, key = await _long_talk(database, place, tenant, 14)
    async with place.tx(tenant) as tx:
        await tx.execute(
            "update checkpoints set checkpoint_sealed = 'x' where thread_id like %s", (f"%{broken.id}%",)
        )
        await tx.execute(
            "update subjects set wrapped_key = 'x'"
            " where id = (select subject_id from conversations where id = %s)",
            (keyless.id,),
        )
        cursor = await tx.execute("select subject_id from conversations where id = %s", (keyless.id,))
        [(subject_id,)] = await cursor.fetchall()
    place.keys.forget(subject_id)
    assert not await summarise_conversations(place, tenant)
    assert "shipping" in await _summary(place, tenant, whole.id, key)
    async with place.tx(tenant) as tx:
        assert await summaries.outgrown(tx, window=WINDOW, limit=9) == [], "not again before they grow"


async def test_the_next_turn_reads_the_summary_and_keeps_it(
    database: Database, place: Workplace, tenant: Tenant
) -> None:
    talk, key = await _long_talk(database, place, tenant, 14)
    await summarise_conversations(place, tenant)
    row = await _checkpoint(place, tenant, talk.id)
    read: list[str] = []

    async def node(state: TurnState) -> TurnState:
        read.append(state.get("summary", ""))
        return {"language": "de"}

    graph = StateGraph(TurnState).add_node("node", node).add_edge(START, "node").compile()
    for _ in range(2):
        saver = StagedSaver(row.key.thread_id, open_row(row, key))
        await graph.ainvoke({"window": []}, {"configurable": saver.configurable}, durability="exit")
        left = saver.sealed(key)
        assert left is not None
        row = left
    assert read == ["Topics so far: shipping. Order numbers: 100234."] * 2


async def test_a_conversation_with_a_running_turn_is_left_alone(
    database: Database, place: Workplace, tenant: Tenant
) -> None:
    talk, key = await _long_talk(database, place, tenant, 14)
    async with database.control_tx() as tx:
        await tx.execute(
            "insert into turn_queue (turn_id, tenant_id, conversation_id, subject_id, lease_until)"
            " values (%s, %s, %s, %s, now() + interval '1 hour')",
            (talk.turn_id, tenant.id, talk.id, talk.turn_id),
        )
    await summarise_conversations(place, tenant)
    assert await _summary(place, tenant, talk.id, key) is None
    async with place.tx(tenant) as tx:
        # As if the turn had been accepted just after the conversation was found idle.
        assert not await summaries.hold(tx, talk.id)
    async with database.control_tx() as tx:
        await tx.execute("delete from turn_queue where turn_id = %s", (talk.turn_id,))
    async with place.tx(tenant) as tx:
        assert await summaries.hold(tx, talk.id)
        async with place.tx(tenant) as other:
            assert not await summaries.hold(other, talk.id)


def test_a_summary_says_only_what_there_is() -> None:
    assert summary_of([], {}) == ""
    assert summary_of(["late_order"], {"topic": {}}) == "Topics so far: late order."


def test_every_job_is_in_the_registry_once_and_has_its_hour(place: Workplace) -> None:
    assert sorted(job.name for job in JOBS) == sorted(get_args(JobName))
    jobs, ticks = jobs_at(place)
    assert [tick.name for tick in ticks] == [job.name for job in jobs] == [job.name for job in JOBS]


async def test_a_job_of_a_tenant_that_is_gone_does_nothing(place: Workplace, tenant: Tenant) -> None:
    jobs, _ = jobs_at(place)
    async with place.database.control_tx() as tx:
        await tx.execute("update tenants set status = 'suspended' where id = %s", (tenant.id,))
    for job in jobs:
        assert not await job.run({"tenant_id": tenant.id})
