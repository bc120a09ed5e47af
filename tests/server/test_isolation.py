"""Nobody reads another person's or another tenant's data, also with the application's own checks off."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

import migrations
from desk.domain import ConversationId, Principal, SubjectId, TenantId, TurnId
from desk.embedded import Engines
from desk.errors import Misconfigured, NotFound
from desk.settings import Settings
from desk.storage import api_keys, conversations, messages, sites, steps, turn_commits, turns
from desk.storage.migrate import connected_owner, drop_placement, make_placement
from desk.storage.pool import APP_ROLE, Database
from desk.storage.tenants import TenantDirectory
from desk.storage.turn_commits import NewTurn
from desk.subjects.keys import KeyRing
from desk.subjects.master_keys import open_master_key
from server.issuer import Issuer
from tests.server.conftest import bearer
from tests.server.wire import ask

PATHS_OF_A_CONVERSATION = (
    "/api/v1/conversations/{}",
    "/api/v1/conversations/{}/messages",
    "/api/v1/chat/history?conversation_id={}",
)
PERSONAL_TABLES = ("conversations", "turns", "messages", "turn_steps", "checkpoints", "feedback")
SECRET = "my mail is ada.hidden@example.org and the parcel never came"


async def principal_of(database: Database, settings: Settings, email: str) -> Principal:
    """The person behind a token, as the application finds them."""
    tenant = await TenantDirectory(database).get("bookshop")
    keys = KeyRing(database, await open_master_key(settings, database))
    subject = await keys.subject(tenant.id, settings.issuer, email)
    return Principal(tenant.id, "user", subject, email)


@pytest.fixture
async def adas(ada: httpx.AsyncClient) -> dict[str, Any]:
    return await ask(ada, SECRET)


async def test_another_customer_gets_the_answer_of_an_unknown_object(
    grace: httpx.AsyncClient, adas: dict[str, Any]
) -> None:
    theirs, nobodys = adas["conversation_id"], str(uuid4())
    for path in (
        "/api/v1/conversations/{}",
        "/api/v1/conversations/{}/messages",
        "/api/v1/chat/history?conversation_id={}",
    ):
        foreign = await grace.get(path.format(theirs))
        unknown = await grace.get(path.format(nobodys))
        assert foreign.status_code == unknown.status_code == 404
        assert same_body(foreign, unknown)
    for conversation in (theirs, nobodys):
        sent = await grace.post("/api/v1/chat/", json={"message": "hi", "conversation_id": conversation})
        assert sent.status_code == 404
        assert (await grace.delete(f"/api/v1/conversations/{conversation}")).status_code == 404
        named = await grace.put(f"/api/v1/conversations/{conversation}", json={"title": "mine"})
        assert named.status_code == 404
    rated = await grace.post("/api/v1/chat/feedback", json={"turn_id": adas["turn_id"], "rating": "down"})
    assert rated.status_code == 404
    listed = (await grace.get("/api/v1/conversations")).json()["conversations"]
    assert theirs not in [conversation["id"] for conversation in listed]


def same_body(one: httpx.Response, other: httpx.Response) -> bool:
    """Whether two problems differ in nothing but the correlation id."""
    return bool(one.json() | {"correlation_id": ""} == other.json() | {"correlation_id": ""})


async def test_another_tenant_gets_nothing(
    base_url: str, issuer: Issuer, database: Database, adas: dict[str, Any]
) -> None:
    from desk.storage import tenants

    async with database.control_tx() as tx:
        await tenants.create(tx, "rival", "Rival Books")
    headers = bearer(issuer, "ada@example.com", role="admin", tenant="rival")
    async with httpx.AsyncClient(base_url=base_url, headers=headers) as rival:
        assert (await rival.get(f"/api/v1/conversations/{adas['conversation_id']}")).status_code == 404
        assert (await rival.get("/api/v1/faqs")).json()["faqs"] == []
        assert (await rival.get("/api/v1/chat/history")).json()["messages"] == []


async def test_row_level_security_holds_without_the_application(
    database: Database, settings: Settings, adas: dict[str, Any]
) -> None:
    """The storage functions are called for Grace with Ada's ids: no ownership check of ours is in the way."""
    grace = await principal_of(database, settings, "grace@example.com")
    conversation, turn = ConversationId(UUID(adas["conversation_id"])), TurnId(UUID(adas["turn_id"]))
    async with database.tenant_tx(grace) as tx:
        assert await conversations.get(tx, conversation) is None
        assert await turns.get(tx, turn) is None
        assert await steps.get(tx, turn) is None
        found = await messages.list_page(
            tx, conversation_id=conversation, subject_id=None, after=None, limit=500
        )
        assert found == []
        for table in (
            "subjects",
            "conversations",
            "turns",
            "messages",
            "turn_steps",
            "checkpoints",
            "feedback",
        ):
            column = "id" if table == "subjects" else "subject_id"
            cursor = await tx.execute(
                f"select count(*) from {table} where {column} <> %s", (grace.subject_id,)
            )
            assert await cursor.fetchone() == (0,), table


async def test_nobody_can_hang_a_turn_on_a_foreign_conversation(
    database: Database, settings: Settings, adas: dict[str, Any]
) -> None:
    grace = await principal_of(database, settings, "grace@example.com")
    new = NewTurn(TurnId(uuid4()), ConversationId(UUID(adas["conversation_id"])), "key", b"hash", b"sealed")
    with pytest.raises(NotFound) as refused:
        await turn_commits.accept(database, grace, new, "reject")
    assert isinstance(refused.value.__cause__, psycopg.errors.ForeignKeyViolation)


async def test_a_transaction_without_a_tenant_sees_no_rows(database: Database, adas: dict[str, Any]) -> None:
    async with database.control_tx() as tx:
        for table in ("subjects", "conversations", "messages", "turns", "faqs", "products", "audit"):
            cursor = await tx.execute(f"select count(*) from shared.{table}")
            assert await cursor.fetchone() == (0,), table


async def test_nothing_that_was_written_stands_in_clear_in_any_table(
    owner_url: str, adas: dict[str, Any]
) -> None:
    """As the database's owner, who bypasses every policy: every column of every table, as bytes."""
    async with await psycopg.AsyncConnection.connect(owner_url) as conn:
        cursor = await conn.execute(
            "select table_schema, table_name from information_schema.tables"
            " where table_schema in ('shared', 'desk_control') and table_type = 'BASE TABLE'"
        )
        tables = await cursor.fetchall()
        assert len(tables) > 15
        for schema, table in tables:
            rows = await conn.execute(f"select convert_to(t::text, 'UTF8') from {schema}.{table} t")
            dump = b"".join(row[0] for row in await rows.fetchall())
            for canary in (b"ada.hidden", b"parcel never came", b"7061726365"):
                assert canary not in dump, f"{schema}.{table}"


# What has no fence, and why; a table that is new and neither fenced nor named here is red.
OF_NO_TENANT = {
    "active_hours": "which tenants' hours a job adds up next, for all tenants",
    "audited_hours": "which tenants' audit a job seals next, for all tenants",
    "login_attempts": "keyed hashes of who tried to sign in, before anybody knows whether they exist",
    "login_links": "ids of links that were used, and nothing of whose they were",
    "master_keys": "ids of the installation's keys, and its root wrapped by each",
    "migrations": "which files ran, of the schema and not of anybody's rows",
    "procrastinate_events": "the job queue's own; arguments are ids",
    "procrastinate_jobs": "the job queue's own; arguments are ids",
    "procrastinate_periodic_defers": "the job queue's own; arguments are ids",
    "procrastinate_workers": "the job queue's own; who works",
    "tenant_marks": "how often a tenant's prompts and pages changed, which every process asks of all",
    "tenants": "who is a tenant, and where their rows lie: read to know which fence to enter",
    "turn_queue": "ids and states of turns that any process may take over",
    "waiting_handoffs": "ids and times of people who wait, for the job that looks after all",
}


STAFFS_ALONE = {
    "audit_seals",
    "faq_gap_questions",
    "faq_gaps",
    "faq_hits",
    "prompt_bundles",
    "prompt_labels",
    "prompt_versions",
    "turn_reviews",
    "usage_hourly",
}


async def test_every_tenant_table_forces_row_level_security(migrated: Engines, owner_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(owner_url) as conn:
        cursor = await conn.execute(
            "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where n.nspname = 'shared' and c.relkind = 'r'"
        )
        assert ((await cursor.fetchone()) or (0,))[0] > 15
        cursor = await conn.execute(
            "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where n.nspname = 'shared' and c.relkind = 'r'"
            " and not (c.relrowsecurity and c.relforcerowsecurity)"
        )
        assert await cursor.fetchall() == []
        cursor = await conn.execute(
            "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where n.nspname = 'desk_control' and c.relkind in ('r', 'p')"
            " and not (c.relrowsecurity and c.relforcerowsecurity)"
        )
        assert {row[0] for row in await cursor.fetchall()} == OF_NO_TENANT.keys()
        cursor = await conn.execute("select rolsuper, rolbypassrls from pg_roles where rolname = 'desk_app'")
        assert await cursor.fetchone() == (False, False)


@pytest.mark.usefixtures("migrated")
async def test_whatever_lets_the_application_see_rows_asks_for_their_tenant(owner_url: str) -> None:
    """Permissive policies are joined by or: one that does not ask opens the table."""
    async with await psycopg.AsyncConnection.connect(owner_url) as conn:
        cursor = await conn.execute(
            "select tablename, policyname, qual, with_check from pg_policies"
            " where schemaname in ('shared', 'desk_control') and permissive = 'PERMISSIVE'"
            " and roles <> array[current_user]"
        )
        policies = await cursor.fetchall()
    assert len(policies) > 20
    asks = "(tenant_id = ( SELECT desk_control.app_tenant() AS app_tenant))"
    # Jobs of the platform enter no tenant, and find there whose turn it is.
    or_none = f"({asks} OR (( SELECT desk_control.app_tenant() AS app_tenant) IS NULL))"
    others = {table: told or checked for table, _, told, checked in policies if (told or checked) != asks}
    assert others == dict.fromkeys(["deliveries", "erasures"], or_none)


@pytest.mark.usefixtures("migrated")
async def test_what_is_the_staffs_alone_is_closed_to_customers(owner_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(owner_url) as conn:
        cursor = await conn.execute(
            "select tablename from pg_policies where schemaname = 'shared' and permissive = 'RESTRICTIVE'"
            " and cmd = 'ALL' and qual like '%app_is_staff()%' and qual not like '% OR %'"
        )
        assert {row[0] for row in await cursor.fetchall()} == STAFFS_ALONE


async def test_the_audit_is_written_once(
    database: Database, settings: Settings, ada: httpx.AsyncClient
) -> None:
    conversation = (await ask(ada, "hi"))["conversation_id"]
    assert (await ada.delete(f"/api/v1/conversations/{conversation}")).status_code == 204
    worker = Principal((await principal_of(database, settings, "ada@example.com")).tenant_id, "worker")
    async with database.tenant_tx(worker) as tx:
        cursor = await tx.execute("select action from audit where object = %s", (conversation,))
        assert await cursor.fetchone() == ("conversation.delete",)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with database.tenant_tx(worker) as tx:
            await tx.execute("update audit set action = 'nothing'")


async def test_knowledge_is_written_by_staff_alone(database: Database) -> None:
    """Whatever the application lets through: a customer of the tenant reads its FAQs and changes none."""
    bookshop = (await TenantDirectory(database).get("bookshop")).id
    customer = Principal(bookshop, "user", SubjectId(uuid4()))
    async with database.tenant_tx(customer) as tx:
        assert (await (await tx.execute("select count(*) from faqs")).fetchone() or (0,))[0] > 0
        for statement in (
            "update faqs set answer = 'mine'",
            "delete from faqs",
            "delete from faq_embeddings",
            "update products set price = '0'",
        ):
            assert (await tx.execute(statement.encode())).rowcount == 0, statement
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with database.tenant_tx(customer) as tx:
            await tx.execute(
                "insert into faqs (tenant_id, id, external_id, question) values (%s, %s, 'x', 'x')",
                (bookshop, uuid4()),
            )


@pytest.mark.usefixtures("base_url")  # whose start brings the demo's tenants
async def test_keys_and_sites_are_their_tenants_own(database: Database, settings: Settings) -> None:
    ada = await principal_of(database, settings, "ada@example.com")
    here, elsewhere = Principal(ada.tenant_id, "worker"), Principal(TenantId(uuid4()), "worker")
    async with database.tenant_tx(here) as tx:
        key = await api_keys.create(tx, here.tenant_id, "fenced")
        site = await sites.create(tx, here.tenant_id, "fenced", ["https://shop.example"])
    for closed in (database.tenant_tx(elsewhere), database.control_tx()):
        async with closed as tx:
            for table in ("api_keys", "sites"):
                cursor = await tx.execute(f"select from {table} where tenant_id = %s", (here.tenant_id,))
                assert await cursor.fetchall() == [], table
                cursor = await tx.execute(f"update {table} set revoked_at = now()")
                assert cursor.rowcount == 0, table
    async with database.control_tx() as tx:
        assert await api_keys.verify(tx, key)
        assert await api_keys.verify(tx, f"{key}x") is None
        assert await sites.find(tx, site)
        assert "https://shop.example" in await sites.origins(tx)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with database.tenant_tx(elsewhere) as tx:
            await sites.create(tx, here.tenant_id, "foreign", [])


async def test_the_application_makes_no_temporary_tables(migrated: Engines) -> None:
    """One named like ours would be found first by what runs as the owner, which would run its triggers."""
    async with await psycopg.AsyncConnection.connect(migrated.database_url) as conn:
        await conn.execute(f"set role {APP_ROLE}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await conn.execute("create temporary table api_keys (like desk_control.api_keys)")


async def test_nor_does_it_start_where_it_could(migrated: Engines, owner_url: str) -> None:
    database = Database(migrated.database_url, size=2)
    async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as owner:
        name = owner.info.dbname
        await owner.execute(f'grant temporary on database "{name}" to public'.encode())
        try:
            with pytest.raises(Misconfigured, match="revoke temporary"):
                await database.open()
        finally:
            await owner.execute(f'revoke temporary on database "{name}" from public'.encode())
            await database.close()


@pytest.fixture
async def own_schema(migrated: Engines) -> AsyncIterator[str]:
    """A schema as a tenant of its own gets it."""
    async with connected_owner(migrated.migration_database_url) as owner:
        name = f"t_{uuid4().hex}"
        await make_placement(owner, name, migrations.FOLDER, say=lambda _: None)
        yield name
        await drop_placement(owner, name)


async def test_what_runs_as_the_owner_looks_among_temporary_tables_last(
    owner_url: str, own_schema: str
) -> None:
    """In every schema of this database: the control schema, the shared one, and a tenant's own."""
    async with await psycopg.AsyncConnection.connect(owner_url) as owner:
        cursor = await owner.execute(
            "select n.nspname, p.proname, p.proconfig from pg_proc p"
            " join pg_namespace n on n.oid = p.pronamespace where p.prosecdef"
        )
        found = await cursor.fetchall()
    assert {schema for schema, _, _ in found} >= {"desk_control", "shared", own_schema}
    for schema, name, config in found:
        assert config == [f"search_path={schema}, pg_temp"], f"{schema}.{name}"


async def test_nor_does_it_start_with_one_that_looks_there_first(migrated: Engines, owner_url: str) -> None:
    database = Database(migrated.database_url, size=2)
    function = b"alter function desk_control.site_origins() "
    async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as owner:
        await owner.execute(function + b"reset search_path")
        try:
            with pytest.raises(Misconfigured, match=r"site_origins\(\).* pg_temp"):
                await database.open()
        finally:
            await owner.execute(function + b"set search_path to desk_control, pg_temp")
            await database.close()
