"""A tenant in a schema of its own: the same service, and rows that no other role reads, whatever the bug."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx
import psycopg
import pytest

import migrations
from desk.domain import Principal, TenantId
from desk.embedded import Engines
from desk.models.embeddings import MiniLM
from desk.retrieval.ingest import ingest
from desk.storage import handoffs
from desk.storage.faqs import FaqEntry
from desk.storage.migrate import migrate
from desk.storage.pool import Database
from server.issuer import Issuer
from tests.server.conftest import bearer
from tests.server.test_tenants import make
from tests.server.wire import ask, read_events

TABLES = ("subjects", "conversations", "messages", "turns", "faqs", "handoffs", "audit")


@dataclass(frozen=True, slots=True)
class Placed:
    """A tenant with a schema of its own in which somebody talked."""

    slug: str
    id: TenantId
    schema: str


@pytest.fixture
async def platform(base_url: str, issuer: Issuer) -> AsyncIterator[httpx.AsyncClient]:
    headers = bearer(issuer, "ops@desk.example", "platform", "platform")
    async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=60) as client:
        yield client


@pytest.fixture
async def placed(platform: httpx.AsyncClient, database: Database) -> Placed:
    slug = await make(platform, placement="own")
    shown = (await platform.get(f"/api/v1/tenants/{slug}")).json()
    found = Placed(slug, TenantId(UUID(shown["id"])), shown["placement"])
    database.place(found.id, found.schema)
    return found


def someone(base_url: str, issuer: Issuer, slug: str, role: str = "user") -> httpx.AsyncClient:
    headers = bearer(issuer, f"{role}@example.com", role, slug)
    return httpx.AsyncClient(base_url=base_url, headers=headers, timeout=30)


async def test_a_turn_a_handoff_and_a_search_in_a_schema_of_its_own(
    base_url: str, issuer: Issuer, placed: Placed, database: Database, embedder: MiniLM
) -> None:
    worker = Principal(placed.id, "worker")
    entry = FaqEntry("ship", "How long does shipping take?", "Parcels arrive in four days.")
    report = await ingest(database, embedder, worker, iter([entry]))
    assert report.added == 1
    async with someone(base_url, issuer, placed.slug) as client:
        first = await ask(client, "hello")
        assert first["reply"]["route"] == "canned"
        talk = first["conversation_id"]
        events = await read_events(client, {"message": "hello again", "conversation_id": talk})
        assert events[-1]["event"] == "done"
        handed = await ask(client, "I want to talk to a person", conversation_id=talk)
        assert handed["reply"]["route"] == "handoff"
        history = await client.get("/api/v1/chat/history", params={"conversation_id": talk})
        assert len(history.json()["messages"]) == 6
        async with someone(base_url, issuer, placed.slug, "agent") as agent:
            (waiting,) = (await agent.get("/api/v1/handoffs")).json()["handoffs"]
            claimed = await agent.post(f"/api/v1/handoffs/{waiting['id']}/claim")
            assert claimed.status_code == 200, claimed.text
        found = await client.get("/api/v1/faqs/search", params={"q": "How long does shipping take?"})
        assert found.json()["results"][0]["source_id"] == "ship"
        answered = await ask(client, "How long does shipping take?")
        assert answered["reply"]["text"]
    async with database.tenant_tx(worker) as tx:
        cursor = await tx.execute("select current_user, current_schema, count(*) from messages")
        assert await cursor.fetchone() == (placed.schema, placed.schema, 8)
        assert len(await handoffs.list_by_state(tx, ("human",), limit=10)) == 1


async def test_no_other_role_reads_a_placement_whatever_the_bug(
    base_url: str,
    issuer: Issuer,
    platform: httpx.AsyncClient,
    placed: Placed,
    database: Database,
) -> None:
    """The shared role and another tenant's, with the search path, the tenant and the person of the victim."""
    async with someone(base_url, issuer, placed.slug) as client:
        await ask(client, "I want to talk to a person")
    other_slug = await make(platform, placement="own")
    other = (await platform.get(f"/api/v1/tenants/{other_slug}")).json()
    for role in ("desk_app", other["placement"]):
        for table in TABLES:
            assert await stolen(database, role, placed, f'"{placed.schema}".{table}') == "refused"
            # With its name alone: nothing of the victim's is found on the way, only one's own empty table.
            assert await stolen(database, role, placed, table) in ("refused", [])
    assert await stolen(database, placed.schema, placed, f'"{placed.schema}".messages') != []


async def test_a_placements_role_reads_no_shared_row(
    base_url: str, issuer: Issuer, placed: Placed, database: Database
) -> None:
    async with someone(base_url, issuer, "bookshop") as client:
        await ask(client, "hello")
    async with database.control_tx() as tx:
        cursor = await tx.execute("select id from tenants where slug = 'bookshop'")
        row = await cursor.fetchone()
    assert row is not None
    victim = Placed("bookshop", TenantId(row[0]), "shared")
    for table in TABLES:
        assert await stolen(database, placed.schema, victim, f"shared.{table}") == "refused"


async def stolen(database: Database, role: str, victim: Placed, table: str) -> list[object] | str:
    """What a transaction in this role finds that a bug sent to the victim's schema, tenant and scope."""
    try:
        async with database.control_tx() as tx:
            await tx.execute(
                "select set_config('role', %s, true), set_config('search_path', %s, true),"
                " set_config('app.tenant', %s, true), set_config('app.scope', 'worker', true)",
                (role, f"{victim.schema}, desk_control, public", str(victim.id)),
            )
            cursor = await tx.execute(f"select to_jsonb(t) from {table} t".encode())  # no where
            return [row[0] for row in await cursor.fetchall()]
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable):
        return "refused"


async def test_the_role_of_a_placement_may_not_make_or_bypass_anything(
    placed: Placed, owner_url: str
) -> None:
    async with await psycopg.AsyncConnection.connect(owner_url) as conn:
        cursor = await conn.execute(
            "select rolsuper, rolbypassrls, rolcanlogin, rolcreaterole from pg_roles where rolname = %s",
            (placed.schema,),
        )
        assert await cursor.fetchone() == (False, False, False, False)
        cursor = await conn.execute(
            "select c.relname from pg_class c where c.relnamespace = %s::regnamespace and c.relkind = 'r'"
            " and not (c.relrowsecurity and c.relforcerowsecurity)",
            (placed.schema,),
        )
        assert await cursor.fetchall() == []


async def test_migrations_run_over_all_placements_and_go_on_where_they_broke_off(
    placed: Placed, owner_url: str, tmp_path: Path
) -> None:
    """A file that fails in the own schema alone leaves the others done, and runs there the next time."""
    folder = tmp_path / "migrations"
    shutil.copytree(migrations.FOLDER, folder, ignore=shutil.ignore_patterns("__*"))
    number = len(list(folder.glob("*.sql"))) + 1
    name = f"{number:04d}_later.sql"
    (folder / name).write_text(
        "-- scope: placement\ncreate table later (tenant_id uuid not null, id uuid primary key);"
        "select desk_control.fence_tenant('later');"
    )
    said: list[str] = []
    async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as conn:
        try:
            await conn.execute(f'create table "{placed.schema}".later (in_the_way int)'.encode())
            with pytest.raises(psycopg.errors.DuplicateTable):
                await migrate(owner_url, folder, say=said.append)
            await conn.execute(f'drop table "{placed.schema}".later'.encode())
            await migrate(owner_url, folder, say=said.append)
            assert await migrate(owner_url, folder, say=said.append) == 0
            cursor = await conn.execute(
                "select has_table_privilege(%s, %s, 'select'), has_table_privilege('desk_app', %s, 'select')",
                (placed.schema, f"{placed.schema}.later", f"{placed.schema}.later"),
            )
            assert await cursor.fetchone() == (True, False)
            assert any(line.startswith("[") and placed.schema in line for line in said)
        finally:
            await conn.execute("delete from desk_control.migrations where name = 'later'")
            cursor = await conn.execute("select schemaname from pg_tables where tablename = 'later'")
            for (schema,) in await cursor.fetchall():
                await conn.execute(f'drop table "{schema}".later'.encode())


async def test_a_process_that_was_not_told_finds_the_schema_by_itself(
    base_url: str, issuer: Issuer, placed: Placed, migrated: Engines
) -> None:
    async with someone(base_url, issuer, placed.slug) as client:
        await ask(client, "hello")
    fresh = Database(migrated.database_url, size=2)
    await fresh.open()
    async with fresh.tenant_tx(Principal(placed.id, "worker")) as tx:
        cursor = await tx.execute("select current_schema, count(*) from messages")
        assert await cursor.fetchone() == (placed.schema, 2)
    await fresh.close()
