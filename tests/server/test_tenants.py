"""Tenants by route: made, configured, suspended, exported and erased by who runs the installation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import pytest
from psycopg import AsyncConnection

from desk.domain import Principal, SubjectId, TenantId
from desk.embedded import Engines
from desk.storage import erasures, tenant_rows, tenants
from desk.storage.erasures import Erasure
from desk.storage.pool import Database
from server.issuer import Issuer
from tests.plugins.stores import temporary_home
from tests.server.conftest import bearer
from tests.server.replicas import Replica, begun, replica, replica_settings, rest_of, until
from tests.server.wire import ask


@pytest.fixture
async def platform(base_url: str, issuer: Issuer) -> AsyncIterator[httpx.AsyncClient]:
    """Who runs the installation."""
    headers = bearer(issuer, "ops@desk.example", "platform", "platform")
    async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=60) as client:
        yield client


def new_slug() -> str:
    return f"shop-{uuid4().hex[:12]}"


async def make(platform: httpx.AsyncClient, **body: Any) -> str:
    slug = new_slug()
    made = await platform.post("/api/v1/tenants", json={"slug": slug, **body})
    assert made.status_code == 201, made.text
    return slug


def person(base_url: str, issuer: Issuer, slug: str, role: str = "user") -> httpx.AsyncClient:
    headers = bearer(issuer, "someone@example.com", role, slug)
    return httpx.AsyncClient(base_url=base_url, headers=headers, timeout=30)


async def audited(database: Database, tenant_id: str) -> list[tuple[str, str]]:
    async with database.tenant_tx(Principal(TenantId(UUID(tenant_id)), "worker")) as tx:
        cursor = await tx.execute("select action, actor from audit order by id")
        return await cursor.fetchall()


async def test_a_tenant_is_made_listed_configured_and_serves(
    platform: httpx.AsyncClient, base_url: str, issuer: Issuer, database: Database
) -> None:
    slug = await make(platform, name="New Shop", settings={"locale": "de"})
    assert (await platform.post("/api/v1/tenants", json={"slug": slug})).status_code == 409
    listed: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await platform.get("/api/v1/tenants", params={"cursor": cursor, "limit": 50})).json()
        listed += [one["slug"] for one in page["tenants"]]
        cursor = page["next_cursor"]
    assert slug in listed
    assert "platform" in listed
    changed = await platform.patch(
        f"/api/v1/tenants/{slug}",
        json={"settings": {"budget_usd_per_day": 5, "locale": None, "branding": {"color": "#aa0000"}}},
    )
    assert changed.json()["settings"] == {
        "intent_pack": "general",
        "budget_usd_per_day": 5.0,
        "branding": {"title": None, "color": "#aa0000", "logo_url": None},
    }
    async with person(base_url, issuer, slug) as client:
        assert (await ask(client, "hello"))["reply"]["route"] == "canned"
        assert (await client.get("/api/v1/me")).json()["branding"]["color"] == "#aa0000"
    shown = (await platform.get(f"/api/v1/tenants/{slug}")).json()
    acts = await audited(database, shown["id"])
    assert [action for action, _ in acts] == ["tenant.create", "tenant.change"]
    UUID(acts[0][1])  # the operator is named


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"locales": "de"}, "Unknown tenant setting"),
        ({"locale": "tlh"}, "there are de, en"),
        ({"intent_pack": "../x"}, "intent pack"),
        ({"retention_days": 0}, "retention_days is 0; it must be 1 to"),
        ({"retention": {"messages": -1}}, "retention.messages is -1; it must be 1 to"),
        ({"retention": {"audit": 29}}, "it must be 30 to"),
        ({"retention": {"message": 30}}, "Unknown class of data ['message']"),
        ({"retention": "never"}, "retention"),
        ({"handoff_mail_to": ["Ada <ada@example.com>"]}, "mail addresses"),
        ({"branding": {"colour": "#aa0000"}}, "Unknown branding ['colour']"),
        ({"retention_days": "a"}, "retention_days"),
        ({"budget_usd_per_day": -1}, "must not be below 0"),
        ({"double_texting": "never"}, "double_texting"),
        ({"timezone": "Mars"}, "Europe/Berlin"),
        ({"timezone": "Europe"}, "no time zone 'Europe'"),
        ({"timezone": "../Berlin"}, "Europe/Berlin"),
        ({"office_hours": ["sometimes"]}, "mon-fri 09:00-18:00"),
        ({"order_patterns": ["("]}, "not a regular expression"),
        ({"webhook_url": "shop.example"}, "begins with https://"),
        ({"branding": {"color": "red"}}, "#rrggbb"),
        ({"models": "gpt"}, "models"),
        ({"branding": {"title": "Books\0"}}, "holds a NUL"),
        ({"branding": {"logo_url": "https://["}}, "whole address"),
        ({"branding": {"logo_url": "https://logo.example/ a"}}, "whole address"),
        ({"webhook_url": "https://["}, "whole address"),
        ({"timezone": "a/" * 3000}, "no time zone 'a/a/"),
        ({"order_patterns": [r"(\d+)+"]}, "without repeated groups"),
        ({"order_patterns": [r"\d{99999999999}"]}, "not a regular expression"),
        ({"order_patterns": [r"\d{6}", r"(?i)w\d{7}"]}, "not a regular expression"),
        ({"return_days": 36_501}, "at most 36500"),
    ],
)
async def test_a_wrong_setting_is_refused_and_says_what_is_right(
    platform: httpx.AsyncClient, wrong: dict[str, Any], says: str
) -> None:
    answer = await platform.patch("/api/v1/tenants/bookshop", json={"settings": wrong})
    assert answer.status_code == 422
    assert says in answer.json()["detail"]


async def test_half_a_character_in_a_setting_is_refused(platform: httpx.AsyncClient) -> None:
    answer = await platform.patch(
        "/api/v1/tenants/bookshop",
        content=b'{"settings": {"return_exceptions": ["\\ud800"]}}',
        headers={"content-type": "application/json"},
    )
    assert (answer.status_code, "half of a character" in answer.json()["detail"]) == (422, True)


async def test_a_promised_error_is_taken_where_the_examples_prove_it(platform: httpx.AsyncClient) -> None:
    proven: dict[str, object] = {"intent_pack": "bookshop"}
    slug = await make(platform, settings=proven | {"promised_error": 0.15})
    for wrong, says in (
        (0.5, "above 0 and below 0.5"),
        (0.05, "; about "),
        (0.01, "more like these would not: too many are taken for another intent. It takes at least 510"),
    ):
        body = {"settings": proven | {"promised_error": wrong}}
        refused = [await platform.patch(f"/api/v1/tenants/{slug}", json=body)]
        refused.append(await platform.post("/api/v1/tenants", json={"slug": new_slug(), **body}))
        assert [answer.status_code for answer in refused] == [422, 422]
        assert all(says in answer.json()["detail"] for answer in refused)
    shown = (await platform.get(f"/api/v1/tenants/{slug}")).json()
    assert shown["settings"] == proven | {"promised_error": 0.15}
    assert shown["defaults"]["promised_error"] is None
    assert shown["defaults"]["retention_days"] == 365, "the installation's own"


async def test_nobody_else_touches_tenants(boss: httpx.AsyncClient, base_url: str, issuer: Issuer) -> None:
    assert (await boss.get("/api/v1/tenants")).status_code == 403
    assert (await boss.delete("/api/v1/tenants/bookshop?confirm=bookshop")).status_code == 403
    for role, tenant in (("platform", "bookshop"), ("admin", "platform"), ("user", "platform")):
        headers = bearer(issuer, "eve@example.com", role, tenant)
        async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=30) as client:
            assert (await client.get("/api/v1/me")).status_code == 401


async def test_the_platform_tenant_stays(platform: httpx.AsyncClient, owner_url: str) -> None:
    assert (await platform.post("/api/v1/tenants/platform/suspend")).status_code == 422
    assert (await platform.delete("/api/v1/tenants/platform?confirm=platform")).status_code == 422
    async with await AsyncConnection.connect(owner_url, autocommit=True) as conn:
        for statement in (
            b"delete from desk_control.tenants where slug = 'platform'",
            b"update desk_control.tenants set status = 'suspended' where slug = 'platform'",
        ):
            with pytest.raises(Exception, match="platform"):
                await conn.execute(statement)


async def test_usage_is_read_by_the_tenants_admin_and_the_operator(
    platform: httpx.AsyncClient, base_url: str, issuer: Issuer
) -> None:
    slug = await make(platform, settings={"budget_usd_per_month": 20})
    async with person(base_url, issuer, slug, "admin") as admin:
        own = (await admin.get("/api/v1/usage")).json()
    assert own["month"] == {"spent_usd": 0.0, "budget_usd": 20.0}
    assert (await platform.get(f"/api/v1/tenants/{slug}/usage")).json() == own


@pytest.mark.parametrize("placement", ["shared", "own"])
async def test_an_export_holds_every_row_and_what_was_said_but_no_key(
    platform: httpx.AsyncClient, base_url: str, issuer: Issuer, placement: str
) -> None:
    slug = await make(platform, placement=placement)
    async with person(base_url, issuer, slug) as client:
        await ask(client, "hello, write to me at someone@example.com please")
        consent = {"purpose": "marketing.mail", "text_version": "1", "granted": True}
        assert (await client.post("/api/v1/privacy/consent", json=consent)).is_success
    headers = bearer(issuer, "gone@example.com", "user", slug)
    async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=30) as gone:
        assert (await gone.post("/api/v1/privacy/erase", json={"confirm": "erase"})).status_code == 202
    answer = await platform.get(f"/api/v1/tenants/{slug}/export")
    rows = [orjson.loads(line) for line in answer.content.splitlines()]
    found = {row["table"] for row in rows}
    assert {"tenants", "subjects", "conversations", "turns", "messages", "audit"} <= found
    assert {"consents", "erasures"} <= found
    said = [row["row"]["text"] for row in rows if row["table"] == "messages"]
    assert any("someone@example.com" in text for text in said)
    assert "wrapped_key" not in answer.text
    assert "_sealed" not in answer.text


@pytest.mark.parametrize("placement", ["shared", "own"])
async def test_erasing_leaves_nothing_but_the_audit_of_the_platform(
    platform: httpx.AsyncClient,
    base_url: str,
    issuer: Issuer,
    owner_url: str,
    database: Database,
    placement: str,
) -> None:
    slug = await make(platform, placement=placement)
    async with person(base_url, issuer, slug) as client:
        await ask(client, "I want to talk to a person")
        assert (await client.post("/api/v1/privacy/erase", json={"confirm": "erase"})).status_code == 202
    async with person(base_url, issuer, slug, "admin") as admin:
        key = {"name": "a service", "rights": ["relay"]}
        assert (await admin.post("/api/v1/api-keys", json=key)).status_code == 201
    shown = (await platform.get(f"/api/v1/tenants/{slug}")).json()
    assert (await platform.delete(f"/api/v1/tenants/{slug}?confirm={slug}")).status_code == 409
    await platform.post(f"/api/v1/tenants/{slug}/suspend")
    assert (await platform.delete(f"/api/v1/tenants/{slug}")).status_code == 422
    gone = await platform.delete(f"/api/v1/tenants/{slug}?confirm={slug}")
    assert gone.status_code == 200, gone.text
    assert (await platform.get(f"/api/v1/tenants/{slug}")).status_code == 404
    assert await rows_of(owner_url, shown["id"]) == {}
    async with await AsyncConnection.connect(owner_url) as conn:
        for catalogue in ("pg_roles where rolname", "pg_namespace where nspname"):
            cursor = await conn.execute(f"select 1 from {catalogue} = %s".encode(), (shown["placement"],))
            assert (await cursor.fetchone() is None) == (placement == "own" or "roles" in catalogue)
    platform_id = (await platform.get("/api/v1/tenants/platform")).json()["id"]
    assert "tenant.erase" in [action for action, _ in await audited(database, platform_id)]
    page = await platform.get("/api/v1/audit", params={"action": "tenant.erase"})
    assert shown["id"] in [row["object"] for row in page.json()["audit"]]


@pytest.mark.parametrize("schema", ["shared", "desk_control"])
async def test_every_table_with_rows_of_tenants_is_exported_and_erased(owner_url: str, schema: str) -> None:
    """One that is made tomorrow is found, or fails here: it has a column `tenant_id` and a primary key."""
    ours = {"tenants", "master_keys", "login_links", "login_attempts", "migrations"}
    async with await AsyncConnection.connect(owner_url, autocommit=True) as conn:
        cursor = await conn.execute("select tablename from pg_tables where schemaname = %s", (schema,))
        there = {name for (name,) in await cursor.fetchall() if not name.startswith("procrastinate_")}
        found = {table.name for table in await tenant_rows.list_tables(conn, schema)}
    assert found == there - (ours if schema == "desk_control" else set())
    assert found >= ({"consents", "audit_seals", "accounts"} if schema == "shared" else {"erasures", "sites"})


async def test_an_erasure_that_ends_while_its_tenant_goes_leaves_nothing(
    owner_url: str, database: Database
) -> None:
    """Its job is about to commit that somebody was erased, when the tenant's rows are being deleted."""
    async with database.control_tx() as tx:
        tenant = await tenants.create(tx, f"shop-{uuid4().hex[:12]}", "A shop")
        await tenants.set_status(tx, tenant.id, "suspended")
        platform = await tenants.find(tx, tenants.PLATFORM)
    assert platform is not None
    operator = Principal(platform.id, "worker")
    worker = Principal(tenant.id, "worker")
    gone = replace(tenant, status="suspended")
    erasure = Erasure(uuid4(), tenant.id, SubjectId(uuid4()), "accepted", (), datetime.now(UTC), None)

    async def erase() -> None:
        async with await AsyncConnection.connect(owner_url, autocommit=True) as conn:
            async for _ in tenant_rows.erase(conn, gone, operator):
                pass

    async def waits() -> bool:
        async with await AsyncConnection.connect(owner_url, autocommit=True) as conn:
            cursor = await conn.execute("select 1 from pg_locks where not granted")
            return await cursor.fetchone() is not None

    async with database.tenant_tx(worker) as tx:
        await tx.execute(
            "insert into erasures (id, tenant_id, subject_id, due_at) values (%s, %s, %s, now() + '1 hour')",
            (erasure.id, tenant.id, erasure.subject_id),
        )
    async with database.tenant_tx(worker) as tx:
        await erasures.finish(tx, erasure)
        erasing = asyncio.create_task(erase())
        await until(waits)
    await erasing
    assert await rows_of(owner_url, str(tenant.id)) == {}
    async with database.tenant_tx(worker) as tx:
        await erasures.finish(tx, erasure)
    assert await rows_of(owner_url, str(tenant.id)) == {}


async def rows_of(owner_url: str, tenant_id: str) -> dict[str, int]:
    """Rows of a tenant in any table, as one who stands under no policy sees them."""
    found = {}
    async with await AsyncConnection.connect(owner_url, autocommit=False) as conn:
        cursor = await conn.execute(
            "select table_schema, table_name from information_schema.columns where column_name = 'tenant_id'"
            " and table_schema in ('shared', 'desk_control')"
        )
        await conn.execute(
            "select set_config('app.tenant', %s, true), set_config('app.scope', 'worker', true)", (tenant_id,)
        )
        for schema, table in await cursor.fetchall():
            counted = await conn.execute(
                f"select count(*) from {schema}.{table} where tenant_id = %s".encode(), (tenant_id,)
            )
            row = await counted.fetchone()
            if row and row[0]:
                found[table] = row[0]
    return found


async def test_a_suspended_tenant_is_refused_its_turns_end_and_jobs_leave_it_out(migrated: Engines) -> None:
    with temporary_home() as home:
        async with (
            replica(replica_settings(migrated, Path(home))) as place,
            place.client("ops@desk.example", "platform", "platform") as operator,
        ):
            slug = await make(operator)
            async with place.client("a@example.com", slug) as client:
                await _suspend_and_look(place, slug, operator, client)


async def _suspend_and_look(
    place: Replica, slug: str, operator: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    async with begun(client, "say 200 every 0.1", tokens=1) as (_, lines):
        stopped = (await operator.post(f"/api/v1/tenants/{slug}/suspend")).json()
        assert stopped["status"] == "suspended"
        events = await asyncio.wait_for(rest_of(lines), 15)
    assert events[-1]["event"] == "error"
    assert events[-1]["data"]["status"] == 499

    async def refused() -> bool:
        return (await client.get("/api/v1/me")).status_code == 403

    await until(refused, 15)
    answer = await client.post("/api/v1/chat/", json={"message": "hello"})
    assert answer.status_code == 403
    assert "suspended" in answer.json()["detail"]
    async with place.desk.services.engine.database.control_tx() as tx:
        assert stopped["id"] not in [str(one.id) for one in await tenants.list_all(tx)]
    assert (await operator.post(f"/api/v1/tenants/{slug}/resume")).json()["status"] == "active"
    assert (await client.get("/api/v1/me")).status_code == 200
