"""Retention deletes exactly what is old and everything of it, in the tenant's own rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import psycopg
import pytest

from desk.domain import Principal, Retention, Tenant, TenantSettings, TurnId, new_id
from desk.errors import Misconfigured
from desk.storage import audit, conversations, login_links, retention, tenants, turn_commits, turns
from desk.storage.pool import Database
from desk.storage.turn_commits import NewTurn
from desk.subjects.audit_chain import PURPOSE, Chain, verify
from server.jobs.audit_seals import seal_audit
from server.jobs.prune import prune
from server.jobs.retention import delete_old, delete_old_conversations
from server.jobs.subjects_without_rows import delete_subjects_without_rows
from server.jobs.turn_inputs import clear_turn_inputs
from server.jobs.workplace import Workplace
from tests.conftest import add_person
from tests.jobs.talks import Talk, add_talk, tables_with

EVERYWHERE = {
    "conversations",
    "turns",
    "messages",
    "turn_steps",
    "effects",
    "handoffs",
    "feedback",
    "usage",
    "sessions",
    "checkpoints",
    "checkpoint_writes",
}


@pytest.fixture
async def neighbour(database: Database) -> Principal:
    """A customer of another tenant."""
    async with database.control_tx() as tx:
        other = await tenants.create(tx, f"other-{new_id().hex[-12:]}", "Another shop")
    return await add_person(database, other, "neighbour@example.com")


async def rows(database: Database, principal: Principal, query: str, *values: Any) -> list[tuple[Any, ...]]:
    async with database.tenant_tx(Principal(principal.tenant_id, "worker")) as tx:
        cursor = await tx.execute(query.encode(), values)
        return await cursor.fetchall()


async def begin_turn(tx: Any, person: Principal, talk: Talk) -> TurnId:
    """What accepting a turn writes, in a transaction that is still open; its lease outlives the test."""
    turn_id = TurnId(new_id())
    await tx.execute(
        "insert into turns (tenant_id, id, conversation_id, subject_id, idempotency_key, request_hash, state,"
        " input_sealed) values (%s, %s, %s, %s, %s, '', 'accepted', 'x')",
        (person.tenant_id, turn_id, talk.id, person.subject_id, str(turn_id)),
    )
    await tx.execute(
        "insert into turn_queue (turn_id, tenant_id, conversation_id, subject_id, lease_until)"
        " values (%s, %s, %s, %s, now() + interval '1 hour')",
        (turn_id, person.tenant_id, talk.id, person.subject_id),
    )
    return turn_id


async def test_the_old_goes_with_everything_of_it_and_nothing_else(
    database: Database,
    place: Workplace,
    tenant: Tenant,
    user: Principal,
    neighbour: Principal,
    owner_url: str,
) -> None:
    old = [await add_talk(database, user, days=400) for _ in range(3)]
    fresh = await add_talk(database, user, days=300)
    foreign = await add_talk(database, neighbour, days=400)
    assert await tables_with(owner_url, old[0].ids) >= EVERYWHERE

    assert not await delete_old_conversations(place, tenant)

    for talk in old:
        assert await tables_with(owner_url, talk.ids) == set()
    assert await tables_with(owner_url, fresh.ids) >= EVERYWHERE
    assert await tables_with(owner_url, foreign.ids) >= EVERYWHERE
    audited = await rows(database, user, "select actor, action, object, detail from audit")
    assert audited == [("worker", "retention.delete", "conversations", {"count": 3, "days": 365})]
    await delete_old_conversations(place, tenant)
    assert await rows(database, user, "select count(*) from audit") == [(1,)]


async def test_a_tenant_may_keep_less(
    database: Database, place: Workplace, tenant: Tenant, user: Principal, owner_url: str
) -> None:
    talk = await add_talk(database, user, days=20)
    await delete_old_conversations(place, replace(tenant, settings=TenantSettings(retention_days=30)))
    assert await tables_with(owner_url, talk.ids) >= EVERYWHERE
    await delete_old_conversations(place, replace(tenant, settings=TenantSettings(retention_days=10)))
    assert await tables_with(owner_url, talk.ids) == set()


async def test_a_senseless_number_of_days_deletes_nothing(
    database: Database, place: Workplace, tenant: Tenant, user: Principal, owner_url: str
) -> None:
    talk = await add_talk(database, user, days=400)
    with pytest.raises(Misconfigured, match="at least 1"):
        await delete_old_conversations(place, replace(tenant, settings=TenantSettings(retention_days=-3)))
    assert await tables_with(owner_url, talk.ids) >= EVERYWHERE


async def test_a_batch_is_bounded(database: Database, admin: Principal, user: Principal) -> None:
    for _ in range(3):
        await add_talk(database, user, days=400)
    gone = []
    for _ in range(3):
        async with database.tenant_tx(Principal(admin.tenant_id, "worker")) as tx:
            gone.append(await retention.delete_old_conversations(tx, days=365, limit=2))
    assert gone == [2, 1, 0]


async def test_a_running_turn_is_never_touched_nor_one_that_is_just_being_accepted(
    database: Database, place: Workplace, tenant: Tenant, user: Principal
) -> None:
    talk = await add_talk(database, user, days=400)
    async with database.tenant_tx(user) as tx:
        turn_id = await begin_turn(tx, user, talk)
        await delete_old_conversations(place, tenant)  # the turn is not committed yet
    count = "select count(*) from conversations"
    assert await rows(database, user, count) == [(1,)]
    await delete_old_conversations(place, tenant)  # now it runs
    assert await rows(database, user, count) == [(1,)]
    async with database.control_tx() as tx:
        await tx.execute("delete from turn_queue where turn_id = %s", (turn_id,))
    await delete_old_conversations(place, tenant)
    assert await rows(database, user, count) == [(0,)]


async def test_inside_a_job_the_rows_of_another_tenant_do_not_exist(
    database: Database, place: Workplace, tenant: Tenant, neighbour: Principal, owner_url: str
) -> None:
    foreign = await add_talk(database, neighbour, days=400)
    async with place.tx(tenant) as tx:
        for statement in (
            "delete from conversations",
            "delete from turns",
            "update messages set role = 'agent'",
        ):
            assert (await tx.execute(statement.encode())).rowcount == 0
        assert await (await tx.execute("select from conversations")).fetchone() is None
    assert await tables_with(owner_url, foreign.ids) >= EVERYWHERE


async def test_raw_inputs_are_forgotten_and_keys_freed_a_day_after_the_turn(
    database: Database, place: Workplace, tenant: Tenant, user: Principal
) -> None:
    old = await add_talk(database, user, days=2)
    dead = await add_talk(database, user, days=2)
    fresh = await add_talk(database, user, days=0)
    running = await add_talk(database, user, days=0)
    deleted, forgotten = await add_talk(database, user, days=0), await add_talk(database, user, days=0)
    async with database.tenant_tx(user) as tx:
        running_id = await begin_turn(tx, user, running)
        await tx.execute("update turns set state = 'dead' where id = %s", (dead.turn_id,))
        await conversations.remove(tx, forgotten.id)
        await conversations.remove(tx, deleted.id)
        await tx.execute(
            "update spent_keys set spent_at = now() - interval '25 hours' where key_hash = hash_key(%s)",
            (str(forgotten.turn_id),),
        )
    assert not await clear_turn_inputs(place, tenant)
    spent = "select key_hash = hash_key(%s) from spent_keys"
    assert await rows(database, user, spent, str(deleted.turn_id)) == [(True,)]
    found = await rows(database, user, "select id, input_sealed, idempotency_key, reply_sealed from turns")
    inputs = {row[0]: row[1] for row in found}
    keys = {row[0]: row[2] for row in found}
    assert inputs == {
        old.turn_id: b"",
        dead.turn_id: b"raw",
        fresh.turn_id: b"raw",
        running.turn_id: b"raw",
        running_id: b"x",
    }
    assert {turn for turn, key in keys.items() if not key.isascii()} == {old.turn_id, dead.turn_id}
    async with database.tenant_tx(user) as tx:
        assert await turns.find_by_key(tx, user.subject_id, str(old.turn_id)) is None
        assert await turns.find_by_key(tx, user.subject_id, str(fresh.turn_id)) is not None
    # The freed key may be used again.
    new = NewTurn(TurnId(new_id()), old.id, str(old.turn_id), b"", b"x")
    await turn_commits.accept(database, user, new, "reject")


async def test_visitors_of_whom_nothing_is_left_lose_their_keys(
    database: Database, place: Workplace, tenant: Tenant
) -> None:
    async def visitor(kind: str, days: int) -> Principal:
        person = await add_person(database, tenant, "x@example.com")
        async with place.tx(tenant) as tx:
            await tx.execute(
                "update subjects set kind = %s, created_at = now() - make_interval(days => %s) where id = %s",
                (kind, days, person.subject_id),
            )
        return person

    gone, known = await visitor("anonymous", 31), await visitor("person", 31)
    recent, talking = await visitor("anonymous", 29), await visitor("anonymous", 31)
    await add_talk(database, talking, days=1)
    assert not await delete_subjects_without_rows(place, tenant)
    left = {row[0] for row in await rows(database, gone, "select id from subjects")}
    assert left == {known.subject_id, recent.subject_id, talking.subject_id}
    audited = await rows(database, gone, "select object, detail from audit")
    assert audited == [("subjects", {"count": 1, "days": 30})]


async def test_pruning_forgets_spent_login_links_after_a_day(database: Database, place: Workplace) -> None:
    spent, today = new_id(), new_id()
    async with database.control_tx() as tx:
        assert await login_links.use(tx, spent)
        assert await login_links.use(tx, today)
        await tx.execute(
            "update login_links set used_at = now() - interval '25 hours' where id = %s", (spent,)
        )
    assert not await prune(place)
    async with database.control_tx() as tx:
        cursor = await tx.execute("select id from login_links where id = any(%s)", ([spent, today],))
        assert await cursor.fetchall() == [(today,)]


async def age(database: Database, person: Principal, talk: Talk, *, days: int) -> None:
    """Make all of a talk so old, but for the conversation itself, in which somebody has just written."""
    async with database.tenant_tx(Principal(person.tenant_id, "worker")) as tx:
        for table in ("turn_steps", "feedback", "checkpoints"):
            column = "subject_id = %s and created_at > now() - interval '1 hour'"
            await tx.execute(
                f"update {table} set created_at = now() - make_interval(days => %s) where {column}".encode(),
                (days, person.subject_id),
            )
        await tx.execute("update conversations set updated_at = now() where id = %s", (talk.id,))


CLASSES = {
    "messages": {"turns", "messages", "turn_steps", "effects", "feedback", "usage", "checkpoints"},
    "steps": {"turn_steps"},
    "feedback": {"feedback"},
}


@pytest.mark.parametrize("kept", CLASSES)
async def test_a_class_goes_by_itself_and_the_conversation_goes_on(
    database: Database, place: Workplace, tenant: Tenant, user: Principal, owner_url: str, kept: str
) -> None:
    old = await add_talk(database, user, days=50)
    await age(database, user, old, days=50)
    fresh = await add_talk(database, user, days=1)
    settings = TenantSettings(retention=Retention(**{kept: 40}))
    assert not await delete_old(place, replace(tenant, settings=settings))
    assert await rows(database, user, "select count(*) from conversations") == [(2,)]
    for table in ("messages", "turns", "turn_steps", "feedback"):
        column = "id" if table == "turns" else "turn_id"
        found = await rows(database, user, f"select {column} from {table}")
        expected = {fresh.turn_id} | (set() if table in CLASSES[kept] else {old.turn_id})
        assert {row[0] for row in found} == expected, table
    [(_, detail)] = await rows(database, user, "select object, detail from audit where object = %s", kept)
    assert detail == {"count": 1, "days": 40}
    assert await tables_with(owner_url, (fresh.id,)) >= {"checkpoints", "conversations"}
    if kept == "messages":
        assert await tables_with(owner_url, (old.turn_id,)) == {"sessions", "handoffs"}, (
            "which hang on the talk"
        )


async def test_dead_letters_and_events_have_their_own_days(
    database: Database, place: Workplace, tenant: Tenant, user: Principal
) -> None:
    dead = await add_talk(database, user, days=20)
    done = await add_talk(database, user, days=20)
    async with database.tenant_tx(Principal(tenant.id, "worker")) as tx:
        await tx.execute("update turns set state = 'dead' where id = %s", (dead.turn_id,))
        for talk, state in ((dead, "closed"), (done, "queued")):
            await tx.execute("update handoffs set state = %s where id = %s", (state, talk.handoff_id))
            await tx.execute(
                "insert into handoff_events"
                " (tenant_id, handoff_id, conversation_id, subject_id, event, state, at)"
                " values (%s, %s, %s, %s, 'queued', 'queued', now() - interval '20 days')",
                (tenant.id, talk.handoff_id, talk.id, user.subject_id),
            )
    settings = TenantSettings(retention=Retention(dead_letters=10, events=10))
    await delete_old(place, replace(tenant, settings=settings))
    assert await rows(database, user, "select id from turns") == [(done.turn_id,)]
    left = await rows(database, user, "select handoff_id from handoff_events")
    assert left == [(done.handoff_id,)], "what is open keeps its log"


async def test_the_audit_goes_by_age_when_the_tenant_says_so(
    database: Database, place: Workplace, tenant: Tenant, user: Principal, owner_url: str
) -> None:
    chain = Chain(place.master.derive(PURPOSE))
    for number in range(3):
        async with database.tenant_tx(Principal(tenant.id, "worker")) as tx:
            await audit.record(tx, user, "thing.do", str(number))
    async with await psycopg.AsyncConnection.connect(owner_url) as conn:
        await conn.execute(
            "update shared.audit set at = at - interval '100 days' where tenant_id = %s", (tenant.id,)
        )
    await seal_audit(place, tenant)
    await delete_old(place, tenant)
    assert await rows(database, user, "select count(*) from audit") == [(3,)], "kept for ever by default"
    short = replace(tenant, settings=TenantSettings(retention=Retention(audit=90)))
    assert await delete_old(place, short)
    assert not await delete_old(place, short)
    await seal_audit(place, tenant)
    assert await rows(database, user, "select object, detail from audit") == [
        ("audit", {"up_to": 3, "days": 90})
    ]
    assert (await verify(database, tenant.id, chain)).findings == []


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ({"retention_days": 0}, "retention_days is 0"),
        ({"retention": {"steps": -1}}, "retention.steps is -1"),
        ({"retention": {"audit": 29}}, "it must be 30 to"),
        ({"retention": {"stepz": 3}}, "Unknown class of data"),
        ({"retention": {"steps": "soon"}}, "Wrong tenant setting: retention"),
        ({"retention": 3}, "Wrong tenant setting: retention"),
    ],
)
def test_senseless_days_are_refused_when_they_are_read(stored: dict[str, Any], said: str) -> None:
    with pytest.raises(Misconfigured, match=said):
        tenants.read_settings(stored)
    fine = tenants.read_settings({"retention_days": 30, "retention": {"steps": 7, "audit": None}})
    assert fine.retention == Retention(steps=7)
