"""What people may ask of their data, where their tenant lives in a schema of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import psycopg
import pytest

from desk.domain import Principal, SubjectId
from desk.settings import Settings
from desk.storage import audit, audit_seals
from desk.storage.pool import Database
from desk.subjects.adoption import adopt
from desk.subjects.audit_chain import PURPOSE, Chain, seal_batch, verify
from desk.subjects.keys import KeyRing
from desk.subjects.master_keys import open_master_key
from server.issuer import Issuer
from tests.server.replicas import until
from tests.server.sweep import tables_with
from tests.server.test_placements import Placed, placed, platform, someone
from tests.server.wire import ask

__all__ = ["placed", "platform"]
REMAINS = {"subjects", "erasures", "audit"}


@pytest.fixture
async def keys(database: Database, settings: Settings) -> KeyRing:
    return KeyRing(database, await open_master_key(settings, database))


@pytest.fixture
async def customer(base_url: str, issuer: Issuer, placed: Placed) -> AsyncIterator[httpx.AsyncClient]:
    async with someone(base_url, issuer, placed.slug) as client:
        yield client


async def subject_of(keys: KeyRing, placed: Placed, settings: Settings) -> SubjectId:
    found = await keys.find(Principal(placed.id, "worker"), settings.issuer, "user@example.com")
    assert found is not None
    return found


async def test_a_person_is_exported_and_erased(
    customer: httpx.AsyncClient,
    placed: Placed,
    keys: KeyRing,
    settings: Settings,
    database: Database,
    owner_url: str,
) -> None:
    reply = await ask(customer, "I want to talk to a person")
    consent = {"purpose": "marketing.mail", "text_version": "1", "granted": True}
    assert (await customer.post("/api/v1/privacy/consent", json=consent)).status_code in (200, 201)
    taken = (await customer.get("/api/v1/privacy/export")).json()
    assert taken["conversations"][0]["messages"][0]["text"] == "I want to talk to a person"
    assert [one["purpose"] for one in taken["consents"]] == ["marketing.mail"]
    subject = await subject_of(keys, placed, settings)
    async with database.tenant_tx(Principal(placed.id, "worker")) as tx:
        for table, column, value in (
            ("subject_spend", "day", "now()::date"),
            ("budget_reservations", "turn_id", "gen_random_uuid()"),
        ):
            await tx.execute(
                f"insert into {table} (tenant_id, subject_id, {column}, usd)"
                f" values (%s, %s, {value}, 0.5)".encode(),
                (placed.id, subject),
            )
    asked = await customer.post("/api/v1/privacy/erase", json={"confirm": "erase"})
    assert asked.status_code == 202, asked.text

    async def done() -> bool:
        shown = await customer.get(f"/api/v1/privacy/erasures/{asked.json()['id']}")
        return bool(shown.json()["state"] == "done")

    await until(done, 60)
    words = [str(subject), reply["turn_id"], reply["conversation_id"]]
    assert set(await tables_with(owner_url, words)) <= REMAINS


async def test_the_audit_is_sealed_checked_and_pruned(
    customer: httpx.AsyncClient, placed: Placed, database: Database, settings: Settings, owner_url: str
) -> None:
    chain = Chain((await open_master_key(settings, database)).derive(PURPOSE))
    worker = Principal(placed.id, "worker")
    async with database.tenant_tx(worker) as tx:
        for number in range(5):
            await audit.record(tx, worker, "thing.do", str(number))
    table = f'"{placed.schema}".audit'
    async with await psycopg.AsyncConnection.connect(owner_url) as conn:
        await conn.execute(f"update {table} set at = at - interval '90 days'".encode())
    async with database.tenant_tx(worker) as tx:
        assert await seal_batch(tx, chain, limit=100) == 6  # with the tenant's own creation
    verdict = await verify(database, placed.id, chain)
    assert (verdict.rows, verdict.unsealed, verdict.findings) == (6, 0, [])
    async with database.tenant_tx(worker) as tx:
        assert await audit_seals.prune(tx, worker, days=60, limit=3) == 3
        assert await seal_batch(tx, chain, limit=100) == 1
    assert (await verify(database, placed.id, chain)).findings == []
    async with await psycopg.AsyncConnection.connect(owner_url) as conn:
        await conn.execute(f"update {table} set action = 'thing.undo' where object = '4'".encode())
    assert [one.what for one in (await verify(database, placed.id, chain)).findings] == [
        "the row or its place was changed"
    ]


async def test_a_visitors_talk_becomes_the_persons(
    customer: httpx.AsyncClient, placed: Placed, database: Database, keys: KeyRing, settings: Settings
) -> None:
    """By hand, as a widget's or a service's visitor becomes the person who signs in."""
    await ask(customer, "hello")
    person = await subject_of(keys, placed, settings)
    async with database.tenant_tx(Principal(placed.id, "worker")) as tx:
        await tx.execute("update subjects set kind = 'anonymous' where id = %s", (person,))
        await tx.execute(
            "insert into subject_spend (tenant_id, subject_id, day, usd) values (%s, %s, now()::date, 0.5)",
            (placed.id, person),
        )
    other = await keys.known(placed.id, settings.issuer, f"{uuid4().hex}@example.com")
    by = Principal(placed.id, "user", other.id)
    assert await adopt(database, keys, by, person) == 1
    async with database.tenant_tx(Principal(placed.id, "worker")) as tx:
        for table in ("conversations", "messages", "turns", "checkpoints", "subject_spend"):
            cursor = await tx.execute(f"select distinct subject_id from {table}".encode())
            assert await cursor.fetchall() == [(other.id,)], table


async def test_the_placements_role_may_do_what_the_shared_one_may(placed: Placed, owner_url: str) -> None:
    """Rights that a migration gives or takes are the same in every placement."""
    rights: dict[str, set[tuple[str, str]]] = {}
    async with await psycopg.AsyncConnection.connect(owner_url) as conn:
        for schema, role in (("shared", "desk_app"), (placed.schema, placed.schema)):
            cursor = await conn.execute(_RIGHTS, {"schema": schema, "role": role})
            rights[schema] = set(await cursor.fetchall())
    assert ("prune_audit(integer,integer)", "EXECUTE") in rights["shared"]
    assert ("audit", "DELETE") not in rights["shared"]
    assert rights[placed.schema] == rights["shared"]


async def test_the_control_schema_is_open_to_placements_as_to_the_shared_role(owner_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(owner_url) as conn:
        found = []
        for role in ("desk_app", "desk_placed"):
            cursor = await conn.execute(_RIGHTS, {"schema": "desk_control", "role": role})
            found.append(set(await cursor.fetchall()))
    assert ("erasures", "INSERT") in found[0]
    assert found[0] == found[1]


_RIGHTS = b"""
select c.relname::text, a.privilege_type from pg_class c cross join lateral aclexplode(c.relacl) a
where c.relnamespace = %(schema)s::regnamespace and a.grantee = %(role)s::regrole
union all
select p.proname || '(' || replace(oidvectortypes(p.proargtypes), ', ', ',') || ')', 'EXECUTE' from pg_proc p
cross join lateral aclexplode(p.proacl) a
where p.pronamespace = %(schema)s::regnamespace and a.grantee = %(role)s::regrole
"""
