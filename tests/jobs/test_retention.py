"""Retention deletes exactly what is old and everything of it, in the tenant's own rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from desk.domain import Principal, Tenant, TenantSettings, TurnId, new_id
from desk.errors import Misconfigured
from desk.storage import login_links, retention, tenants, turns
from desk.storage.pool import Database
from desk.storage.turns import NewTurn
from server.jobs.prune import prune
from server.jobs.retention import delete_old_conversations
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
    new = NewTurn(TurnId(new_id()), talk.id, str(new_id()), b"", b"x")
    await turns.add(tx, person, new)
    await tx.execute(
        "insert into turn_queue (turn_id, tenant_id, conversation_id, subject_id, lease_until)"
        " values (%s, %s, %s, %s, now() + interval '1 hour')",
        (new.id, person.tenant_id, talk.id, person.subject_id),
    )
    return new.id


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
    async with database.tenant_tx(user) as tx:
        running_id = await begin_turn(tx, user, running)
        await tx.execute("update turns set state = 'dead' where id = %s", (dead.turn_id,))
    assert not await clear_turn_inputs(place, tenant)
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
        await turns.add(tx, user, new)


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
