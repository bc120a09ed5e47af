"""The master key: where it comes from, what another one cannot open, and how it is replaced."""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

import migrations
from desk.domain import Principal, SubjectId, Tenant, TenantId, new_id
from desk.embedded import Engines
from desk.errors import Misconfigured
from desk.privacy.sealing import DataKey, MasterKey, SealBroken
from desk.settings import Settings
from desk.storage import master_keys, subjects, tenants
from desk.storage.migrate import connected_owner, drop_placement, make_placement
from desk.storage.pool import Database
from desk.storage.tenants import Home
from desk.subjects.keys import KeyRing
from desk.subjects.master_keys import load_master_key, open_master_key
from desk.subjects.rotation import counts, rotate

OLD, NEW, NEXT = (base64.b64encode(bytes([byte]) * 32).decode() for byte in (1, 2, 3))


def settings(home: Path, **changes: object) -> Settings:
    unset = {"home": home, "environment": "development", "master_key": None, "master_key_path": None}
    return Settings().model_copy(update=unset | {"master_key_command": ()} | changes)


def given(home: Path, *keys: str) -> Settings:
    return settings(home, master_key=SecretStr(" ".join(keys)))


@pytest.fixture
async def own_database(own_stores: Engines) -> AsyncIterator[Database]:
    """A database that knows no master key and nobody yet."""
    async with await psycopg.AsyncConnection.connect(own_stores.migration_database_url) as conn:
        await conn.execute("delete from shared.subjects")
    database = Database(own_stores.database_url, size=4)
    await database.open()
    async with database.control_tx() as tx:
        await tx.execute("delete from master_keys")
    yield database
    await database.close()


async def new_home(database: Database) -> Home:
    async with database.control_tx() as tx:
        made = await tenants.create(tx, f"keys-{new_id().hex[-12:]}", "A shop")
    return Home(made.id, made.slug, made.placement)


async def add_people(
    database: Database, home: Home, master: MasterKey, count: int
) -> dict[SubjectId, DataKey]:
    """People with data keys under this master key."""
    people: dict[SubjectId, DataKey] = {}
    async with database.tenant_tx(Principal(home.id, "worker")) as tx:
        for _ in range(count):
            subject, key = subjects.new_subject_id(), DataKey.new()
            wrapped = master.wrap(key, subject=subject)
            await subjects.add(tx, home.id, subject, os.urandom(32), wrapped, kind="person")
            people[subject] = key
    return people


async def readable(
    database: Database, home: Home, master: MasterKey, people: dict[SubjectId, DataKey]
) -> int:
    """Of how many people this installation opens the key, and it is theirs."""
    keys, found = KeyRing(database, master), 0
    for subject, key in people.items():
        try:
            opened = await keys.data_key(Principal(home.id, "worker", subject))
        except SealBroken:
            continue
        found += opened.open(key.seal(b"x", aad=b"a"), aad=b"a") == b"x"
    return found


def test_all_three_sources_say_the_same(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"{NEW}\n{OLD}\n")
    program = (sys.executable, "-c", f"print('{NEW} {OLD}')")
    sources = [
        given(tmp_path, NEW, OLD),
        settings(tmp_path, master_key_path=file),
        settings(tmp_path, master_key_command=program),
    ]
    assert {load_master_key(source).ids for source in sources} == {load_master_key(sources[0]).ids}
    assert len(load_master_key(sources[0]).ids) == 2


def test_a_source_that_gives_nothing_usable_says_what_to_do_and_no_secret(tmp_path: Path) -> None:
    absent = tmp_path / "nowhere"
    leaky = (sys.executable, "-c", "import sys; print('s3cret'); sys.exit(3)")
    wrong = {
        "both": given(tmp_path, NEW).model_copy(update={"master_key_path": absent}),
        "cannot be read": settings(tmp_path, master_key_path=absent),
        "ended with 3": settings(tmp_path, master_key_command=leaky),
        "could not be run": settings(tmp_path, master_key_command=("/no/such/program",)),
        "twice": given(tmp_path, NEW, NEW),
        "not base64": given(tmp_path, "s3cret!"),
        "holds 3 bytes": given(tmp_path, "czNj"),
        "openssl rand": settings(tmp_path, environment="production"),
    }
    for said, source in wrong.items():
        with pytest.raises(Misconfigured, match=said) as refused:
            load_master_key(source)
        assert "s3cret" not in refused.value.detail


def test_development_makes_a_key_once(tmp_path: Path) -> None:
    first, second = load_master_key(settings(tmp_path)), load_master_key(settings(tmp_path))
    assert first.ids == second.ids
    assert (tmp_path / "keys" / "master.key").stat().st_mode & 0o777 == 0o600


async def test_another_key_does_not_start_on_a_database_that_knows_one(
    own_database: Database, tmp_path: Path
) -> None:
    await open_master_key(given(tmp_path, OLD), own_database)
    with pytest.raises(Misconfigured, match="made with the master key"):
        await open_master_key(given(tmp_path, NEW), own_database)
    await open_master_key(given(tmp_path, NEW, OLD), own_database)
    async with own_database.control_tx() as tx:
        cursor = await tx.execute("delete from master_keys returning id, root_wrapped")
        [(key_id, root)] = await cursor.fetchall()
        await master_keys.note(tx, key_id, root[:-1] + bytes([root[-1] ^ 1]))
    with pytest.raises(Misconfigured, match="was changed"):
        await open_master_key(given(tmp_path, OLD), own_database)


async def test_the_root_is_random_in_an_empty_database_and_the_key_itself_where_tenants_are(
    own_database: Database, tmp_path: Path
) -> None:
    await new_home(own_database)
    master = await open_master_key(given(tmp_path, OLD), own_database)
    assert master.derive("x") == load_master_key(given(tmp_path, OLD)).derive("x")
    async with own_database.control_tx() as tx:
        await tx.execute("delete from master_keys")
        root = os.urandom(32)
        await master_keys.note(tx, master.id, master.wrap_root(root))
    other = await open_master_key(given(tmp_path, OLD), own_database)
    assert other.derive("x") != master.derive("x")
    async with own_database.control_tx() as tx:
        await tx.execute("delete from tenants where slug <> %s", (tenants.PLATFORM,))
        await tx.execute("delete from master_keys")
    fresh = await open_master_key(given(tmp_path, OLD), own_database)
    assert fresh.derive("x") not in (master.derive("x"), other.derive("x")), (
        "nobody but the operator is there"
    )


async def test_a_key_is_replaced_in_steps_and_at_each_every_replica_reads_all(
    own_database: Database, tmp_path: Path
) -> None:
    home = await new_home(own_database)
    old = await open_master_key(given(tmp_path, OLD), own_database)
    people = await add_people(own_database, home, old, 30)
    known = {old.derive("subjects.identity")}
    ready = await open_master_key(given(tmp_path, OLD, NEW), own_database)
    people |= await add_people(own_database, home, ready, 10)
    using = await open_master_key(given(tmp_path, NEW, OLD), own_database)
    people |= await add_people(own_database, home, using, 10)
    known |= {ready.derive("subjects.identity"), using.derive("subjects.identity")}
    for replica in (ready, using):
        assert await readable(own_database, home, replica, people) == 50
    assert await readable(own_database, home, old, people) == 40, "so all must know the new one first"
    assert await counts(own_database, using, [home]) == {old.id: 40, using.id: 10}

    batches = [batch async for batch in rotate(own_database, using, [home])]
    assert sum(batch.done for batch in batches) == 40
    assert await counts(own_database, using, [home]) == {using.id: 50}
    for replica in (ready, using):
        assert await readable(own_database, home, replica, people) == 50
    alone = await open_master_key(given(tmp_path, NEW), own_database)
    assert await readable(own_database, home, alone, people) == 50
    assert known | {alone.derive("subjects.identity")} == {alone.derive("subjects.identity")}
    with pytest.raises(Misconfigured):
        await open_master_key(given(tmp_path, OLD), own_database)
    assert [batch async for batch in rotate(own_database, alone, [home])] == []


async def test_data_keys_in_a_schema_of_a_tenants_own_are_wrapped_anew_too(
    own_stores: Engines, own_database: Database, tmp_path: Path
) -> None:
    home = await new_home(own_database)
    tenant_id = TenantId(new_id())
    placed = Tenant(tenant_id, f"own-{tenant_id.hex[-12:]}", "A shop", f"tenant_{tenant_id.hex}")
    async with connected_owner(own_stores.migration_database_url) as owner:
        await make_placement(owner, placed.placement, migrations.FOLDER, say=lambda _: None)
        try:
            async with own_database.control_tx() as tx:
                await tenants.add(tx, placed, {})
                homes = [one for one in await tenants.list_homes(tx) if one.id in (home.id, placed.id)]
            old = await open_master_key(given(tmp_path, OLD), own_database)
            own = Home(placed.id, placed.slug, placed.placement)
            people = await add_people(own_database, own, old, 3)
            await add_people(own_database, home, old, 2)
            master = await open_master_key(given(tmp_path, NEW, OLD), own_database)
            assert await counts(own_database, master, homes) == {old.id: 5}
            batches = [batch async for batch in rotate(own_database, master, homes)]
            assert {batch.home.slug: batch.done for batch in batches} == {own.slug: 3, home.slug: 2}
            alone = await open_master_key(given(tmp_path, NEW), own_database)
            assert await readable(own_database, own, alone, people) == 3
        finally:
            await drop_placement(owner, placed.placement)
            await owner.execute("delete from desk_control.tenants where id = %s", (placed.id,))


async def test_what_no_known_key_opens_stays_as_it_is_and_keeps_the_old_keys_known(
    own_database: Database, tmp_path: Path
) -> None:
    home = await new_home(own_database)
    old = await open_master_key(given(tmp_path, OLD), own_database)
    people = await add_people(own_database, home, old, 3)
    await add_people(own_database, home, load_master_key(given(tmp_path, NEXT)), 2)
    master = await open_master_key(given(tmp_path, NEW, OLD), own_database)
    [batch] = [batch async for batch in rotate(own_database, master, [home])]
    assert (batch.done, batch.closed) == (3, 2)
    async with own_database.control_tx() as tx:
        assert set(await master_keys.list_all(tx)) == {old.id, master.id}
    assert await readable(own_database, home, master, people) == 3


async def test_a_rotation_killed_in_the_middle_goes_on_where_it_was(
    own_stores: Engines, own_database: Database, tmp_path: Path
) -> None:
    home = await new_home(own_database)
    old = await open_master_key(given(tmp_path, OLD), own_database)
    people = await add_people(own_database, home, old, 1200)
    assert await desk_rotate(own_stores, "rotating") == -9
    master = await open_master_key(given(tmp_path, NEW, OLD), own_database)
    left = (await counts(own_database, master, [home]))[old.id]
    assert 0 < left < 1200
    some = dict(list(people.items())[::100])
    for keys in ((OLD, NEW), (NEW, OLD)):
        replica = await open_master_key(given(tmp_path, *keys), own_database)
        assert await readable(own_database, home, replica, some) == len(some)
    assert await desk_rotate(own_stores, "") == 0
    alone = await open_master_key(given(tmp_path, NEW), own_database)
    assert await counts(own_database, alone, [home]) == {alone.id: 1200}
    assert await readable(own_database, home, alone, some) == len(some)


async def desk_rotate(stores: Engines, crash_at: str) -> int:
    """What `desk master-key rotate` ends with, in a process of its own."""
    environment = os.environ | {
        "DATABASE_URL": stores.database_url,
        "DESK_MIGRATION_DATABASE_URL": stores.migration_database_url,
        "REDIS_URL": stores.redis_url or "",
        "DESK_MASTER_KEY": f"{NEW} {OLD}",
        "DESK_CRASH_AT": crash_at,
    }
    command = (sys.executable, "-m", "server.cli", "master-key", "rotate")
    process = await asyncio.create_subprocess_exec(*command, env=environment)
    return await asyncio.wait_for(process.wait(), 90)
