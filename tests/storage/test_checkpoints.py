"""The saver's promises: fenced by person, sealed to the row, no shared lock, strict about types."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointMetadata
from langgraph.checkpoint.serde.types import INTERRUPT, RESUME

from desk.domain import ConversationId, Principal, SubjectId, Tenant, TenantId
from desk.privacy.sealing import SealBroken
from desk.storage import checkpoint_rows, tenants
from desk.storage.checkpoint_rows import CheckpointRow, Selection
from desk.storage.checkpoints import PostgresSaver
from desk.storage.pool import Database
from desk.storage.threads import ThreadId, parse_thread_id, thread_id
from tests.conftest import add_person
from tests.storage.threads_of import OneKey, checkpoint, new_thread

CANARY = "canary-7f3a-walrus"
LOOP: CheckpointMetadata = {"source": "loop", "step": 0, "parents": {}}


@pytest.fixture
def saver(database: Database) -> PostgresSaver:
    return PostgresSaver(database, OneKey())


@pytest.fixture
async def neighbour(database: Database, tenant: Tenant) -> Principal:
    """Another customer of the same tenant."""
    return await add_person(database, tenant, "neighbour@example.com")


@pytest.fixture
async def stranger(database: Database) -> Principal:
    """A customer of another tenant."""
    async with database.control_tx() as tx:
        other = await tenants.create(tx, f"shop-{uuid4().hex[:12]}", "Another shop")
    return await add_person(database, other, "stranger@example.com")


def on(thread: str, checkpoint_id: str | None = None) -> RunnableConfig:
    named = {"thread_id": thread, "checkpoint_ns": ""}
    return {"configurable": {**named, "checkpoint_id": checkpoint_id} if checkpoint_id else named}


async def put(saver: PostgresSaver, thread: str, **values: Any) -> RunnableConfig:
    return await saver.aput(on(thread), checkpoint(**values), LOOP, {})


async def rows_of(database: Database, person: Principal, thread: str) -> list[CheckpointRow]:
    async with database.tenant_tx(person) as tx:
        return await (await checkpoint_rows.select(tx, Selection(thread))).fetchall()


async def as_owner(owner_url: str, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Run a statement past row-level security."""
    async with await psycopg.AsyncConnection.connect(
        owner_url, options="-c search_path=shared,desk_control,public"
    ) as conn:
        cursor = await conn.execute(statement, values)
        return await cursor.fetchall() if cursor.description else []


@given(st.uuids(), st.uuids(), st.uuids())
def test_a_thread_id_reads_back(tenant: Any, subject: Any, conversation: Any) -> None:
    parts = ThreadId(TenantId(tenant), SubjectId(subject), ConversationId(conversation))
    text = thread_id(parts.tenant_id, parts.subject_id, parts.conversation_id)
    assert parse_thread_id(text) == parts
    assert parts.owner == Principal(parts.tenant_id, "user", parts.subject_id)


GOOD = str(ThreadId(TenantId(uuid4()), SubjectId(uuid4()), ConversationId(uuid4())))


@pytest.mark.parametrize(
    "text", ["", "thread-1", GOOD.upper(), GOOD + "\n", GOOD + ":x", GOOD[:-1], GOOD.replace("u:", "c:")]
)
def test_nothing_else_is_a_thread_id(text: str) -> None:
    with pytest.raises(ValueError, match="t:<tenant>:u:<subject>:c:<conversation>"):
        parse_thread_id(text)


@pytest.mark.parametrize("who", ["neighbour", "stranger"])
async def test_others_neither_read_nor_write_a_thread(
    saver: PostgresSaver,
    database: Database,
    user: Principal,
    neighbour: Principal,
    stranger: Principal,
    who: str,
) -> None:
    other = {"neighbour": neighbour, "stranger": stranger}[who]
    thread = new_thread(user)
    stored = await put(saver, thread, talk="mine")
    await saver.aput_writes(stored, [("talk", "next")], "task")
    (row,) = await rows_of(database, user, thread)

    assert await rows_of(database, other, thread) == []
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with database.tenant_tx(other) as tx:
            await checkpoint_rows.store(tx, row)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with database.tenant_tx(other) as tx:
            await checkpoint_rows.add_writes(tx, row.key, [replace(row.writes[0], task_id="theirs")])
    async with database.tenant_tx(other) as tx:
        await checkpoint_rows.delete_threads(tx, [thread])
    assert await rows_of(database, user, thread) == [row]


@pytest.mark.parametrize("table", ["checkpoints", "checkpoint_writes"])
async def test_nobody_takes_a_place_in_the_thread_of_another(
    database: Database, user: Principal, neighbour: Principal, table: str
) -> None:
    own = {"checkpoints": "checkpoint_sealed, metadata_sealed", "checkpoint_writes": "value_sealed, channel"}
    more = "task_id, ordinal" if table == "checkpoint_writes" else "parent_checkpoint_id, created_at"
    last = "'task', 0" if table == "checkpoint_writes" else "null, now()"
    with pytest.raises(psycopg.errors.CheckViolation):
        async with database.tenant_tx(neighbour) as tx:
            await tx.execute(
                f"insert into {table} (tenant_id, subject_id, thread_id, checkpoint_id, {own[table]}, {more})"
                f" values (%s, %s, %s, 'x', '', '', {last})",
                (neighbour.tenant_id, neighbour.subject_id, new_thread(user)),
            )


TAMPER = {
    "flipped bit": "update checkpoints set checkpoint_sealed ="
    " set_byte(checkpoint_sealed, 20, get_byte(checkpoint_sealed, 20) # 1) where thread_id = %s",
    "metadata for state": "update checkpoints set checkpoint_sealed = metadata_sealed where thread_id = %s",
    "state of another thread": "update checkpoints c set checkpoint_sealed = o.checkpoint_sealed"
    " from checkpoints o where c.thread_id = %s and o.thread_id = %s",
    "metadata of another thread": "update checkpoints c set metadata_sealed = o.metadata_sealed"
    " from checkpoints o where c.thread_id = %s and o.thread_id = %s",
    "another checkpoint id": "with w as (update checkpoint_writes set checkpoint_id = 'z'"
    " where thread_id = %s) update checkpoints set checkpoint_id = 'z' where thread_id = %s",
    "write of another thread": "update checkpoint_writes c set value_sealed = o.value_sealed"
    " from checkpoint_writes o where c.ordinal = o.ordinal and c.thread_id = %s and o.thread_id = %s",
    "write of another place": "update checkpoint_writes set ordinal = 5 where ordinal = 0 and thread_id = %s",
    "write of another channel": "update checkpoint_writes set channel = 'x' where thread_id = %s",
}


@pytest.mark.parametrize("how", TAMPER)
async def test_a_blob_opens_only_in_its_own_row(
    saver: PostgresSaver, user: Principal, owner_url: str, how: str
) -> None:
    thread, other = new_thread(user), new_thread(user)
    same_id = checkpoint()["id"]
    for one in (thread, other):
        stored = await saver.aput(on(one), {**checkpoint(talk=one), "id": same_id}, LOOP, {})
        await saver.aput_writes(stored, [("talk", "a"), ("talk", "b")], "task")
    assert await saver.aget_tuple(on(thread))

    names = (thread, thread) if how == "another checkpoint id" else (thread, other)
    await as_owner(owner_url, TAMPER[how], *names[: TAMPER[how].count("%s")])
    with pytest.raises(SealBroken):
        await saver.aget_tuple(on(thread))
    with pytest.raises(SealBroken):
        _ = [saved async for saved in saver.alist(on(thread))]


async def test_no_word_of_the_state_is_readable_in_the_tables(
    saver: PostgresSaver, user: Principal, owner_url: str
) -> None:
    thread = new_thread(user)
    stored = await saver.aput(
        {**on(thread), "metadata": {"note": CANARY}},
        checkpoint(primitive=CANARY, lines=[{"text": CANARY}]),
        {**LOOP, "run_id": CANARY},
        {},
    )
    await saver.aput_writes(stored, [("lines", {"text": CANARY})], "task")
    for table in ("checkpoints", "checkpoint_writes"):
        found = await as_owner(owner_url, f"select t::text from {table} t where thread_id = %s", thread)
        assert found
        assert not any(CANARY in row[0] or CANARY.encode().hex() in row[0] for row in found)
    saved = await saver.aget_tuple(on(thread))
    assert saved is not None
    assert saved.checkpoint["channel_values"]["primitive"] == CANARY
    assert dict(saved.metadata)["note"] == CANARY


async def test_a_stuck_thread_holds_up_no_other(database: Database, user: Principal, owner_url: str) -> None:
    saver = PostgresSaver(database, OneKey(), keep_latest=True)
    stuck, *free = [new_thread(user) for _ in range(4)]
    await put(saver, stuck, talk=1)
    async with await psycopg.AsyncConnection.connect(owner_url) as blocker:
        await blocker.execute("select from shared.checkpoints where thread_id = %s for update", (stuck,))
        waiting = asyncio.create_task(put(saver, stuck, talk=2))
        async with asyncio.timeout(3):
            await asyncio.gather(*(put(saver, thread, talk=step) for thread in free for step in range(5)))
            assert all([await saver.aget_tuple(on(thread)) for thread in free])
        assert not waiting.done()
    await waiting


async def test_keep_latest_replaces_whatever_the_clocks_say(
    database: Database, user: Principal, owner_url: str
) -> None:
    saver = PostgresSaver(database, OneKey(), keep_latest=True)
    thread = new_thread(user)
    early, late = checkpoint(talk="second"), checkpoint(talk="first")
    stored = await saver.aput(on(thread), late, LOOP, {})
    await saver.aput_writes(stored, [("talk", "x")], "task")
    await saver.aput(stored, early, LOOP, {})

    (row,) = await rows_of(database, user, thread)
    assert row.parent_checkpoint_id is None
    saved = await saver.aget_tuple(on(thread))
    assert saved is not None
    assert saved.checkpoint["channel_values"] == {"talk": "second"}
    assert await as_owner(owner_url, "select 1 from checkpoint_writes where thread_id = %s", thread) == []


async def test_keep_latest_spares_writes_that_run_ahead_and_other_namespaces(
    database: Database, user: Principal
) -> None:
    saver = PostgresSaver(database, OneKey(), keep_latest=True)
    thread = new_thread(user)
    child: RunnableConfig = {"configurable": {"thread_id": thread, "checkpoint_ns": "child"}}
    await saver.aput(child, checkpoint(talk="child"), LOOP, {})
    now, ahead = checkpoint(talk=1), checkpoint(talk=2)
    await saver.aput_writes(on(thread, ahead["id"]), [("talk", "kept")], "task")
    await saver.aput(on(thread), now, LOOP, {})
    stored = await saver.aput(on(thread), ahead, LOOP, {})

    saved = await saver.aget_tuple(stored)
    assert saved is not None
    assert saved.pending_writes == [("task", "talk", "kept")]
    assert await saver.aget_tuple(child)


async def test_special_writes_are_replaced_and_others_stay(saver: PostgresSaver, user: Principal) -> None:
    stored = await put(saver, new_thread(user))
    await saver.aput_writes(stored, [("talk", "first")], "task", "path")
    await saver.aput_writes(stored, [("talk", "again")], "task", "path")
    await saver.aput_writes(stored, [(INTERRUPT, 1), (INTERRUPT, 2), (RESUME, 1)], "task", "path")
    await saver.aput_writes(stored, [(RESUME, 2)], "task", "path")
    await saver.aput_writes(stored, [("talk", "before")], "z-task", "a-path")

    saved = await saver.aget_tuple(stored)
    assert saved is not None
    assert saved.pending_writes == [
        ("z-task", "talk", "before"),
        ("task", RESUME, 2),
        ("task", INTERRUPT, 2),
        ("task", "talk", "first"),
    ]


@dataclass
class Point:
    x: int


async def test_no_class_is_rebuilt_and_nothing_is_pickled(saver: PostgresSaver, user: Principal) -> None:
    stored = await put(saver, new_thread(user), point=Point(3), raw=b"\0\xff", none=None, text="a\0b")
    saved = await saver.aget_tuple(stored)
    assert saved is not None
    values = saved.checkpoint["channel_values"]
    assert values == {"point": {"x": 3}, "raw": b"\0\xff", "none": None, "text": "a\0b"}
    with pytest.raises(TypeError):
        await put(saver, new_thread(user), call=lambda: None)


async def test_copy_stays_with_the_person(
    saver: PostgresSaver, user: Principal, neighbour: Principal
) -> None:
    source = new_thread(user)
    await put(saver, source, talk="mine")
    with pytest.raises(ValueError, match="same person"):
        await saver.acopy_thread(source, new_thread(neighbour))


async def test_pruned_checkpoints_leave_no_dangling_parent(saver: PostgresSaver, user: Principal) -> None:
    thread = new_thread(user)
    first = await put(saver, thread, talk=1)
    second = await saver.aput(first, checkpoint(talk=2), LOOP, {})
    saved = await saver.aget_tuple(second)
    assert saved is not None
    assert saved.parent_config == first
    await saver.aprune([thread])
    saved = await saver.aget_tuple(second)
    assert saved is not None
    assert saved.parent_config is None


async def test_a_limit_counts_what_the_filter_lets_through(saver: PostgresSaver, user: Principal) -> None:
    thread = new_thread(user)
    for step in (1, 1, 1, 2):
        await saver.aput(on(thread), checkpoint(), {**LOOP, "step": step}, {})
    listed = [saved async for saved in saver.alist(on(thread), filter={"step": 1}, limit=2)]
    assert [saved.metadata["step"] for saved in listed] == [1, 1]


async def test_a_delta_channel_keeps_its_ancestors(database: Database, user: Principal) -> None:
    counting: CheckpointMetadata = {**LOOP, "counters_since_delta_snapshot": {"talk": (1, 1)}}
    thread = new_thread(user)
    saver = PostgresSaver(database, OneKey())
    await saver.aput(on(thread), checkpoint(), counting, {})
    with pytest.raises(ValueError, match="DeltaChannel"):
        await saver.aprune([thread])
    with pytest.raises(ValueError, match="DeltaChannel"):
        await PostgresSaver(database, OneKey(), keep_latest=True).aput(on(thread), checkpoint(), counting, {})


async def test_what_is_not_offered_says_so(saver: PostgresSaver, user: Principal) -> None:
    with pytest.raises(ValueError, match="owner"):
        await saver.adelete_for_runs(["run"])
    with pytest.raises(ValueError, match="owner"):
        _ = [saved async for saved in saver.alist(None)]
    with pytest.raises(ValueError, match="keep_latest or delete"):
        await saver.aprune([new_thread(user)], strategy="keep_some")
    with pytest.raises(NotImplementedError):
        saver.get_tuple(on(new_thread(user)))


async def test_an_owner_works_on_their_own_threads_alone(
    database: Database, user: Principal, neighbour: Principal
) -> None:
    keys = OneKey()
    mine = PostgresSaver(database, keys, owner=user)
    threads = [new_thread(user), new_thread(user), new_thread(neighbour)]
    for thread in threads:
        await mine.aput(on(thread), checkpoint(), {**LOOP, "run_id": "run"}, {})
    listed = {saved.config["configurable"]["thread_id"] async for saved in mine.alist(None)}
    assert listed == set(threads[:2])
    await mine.adelete_for_runs(["run"])
    assert [bool(await mine.aget_tuple(on(thread))) for thread in threads] == [False, False, True]
