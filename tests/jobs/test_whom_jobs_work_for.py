"""Whom background work asks: tenants with something to do, and nobody who is suspended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from desk.domain import Principal, Tenant, TenantId
from desk.storage import audit, deliveries, handoffs, tenants
from desk.storage.pool import Database
from server.jobs.audit_seals import seal_audit
from server.jobs.prune import prune
from server.jobs.registry import every_tenant, recently_active, recently_audited
from server.jobs.retention import with_old_rows
from server.jobs.workplace import Workplace
from tests.jobs.talks import add_talk
from tests.storage.test_handoffs import hand_over


async def awaited(database: Database, now: datetime) -> set[TenantId]:
    async with database.control_tx() as tx:
        return set(await handoffs.list_awaited(tx, now))


async def suspend(database: Database, tenant: Tenant) -> None:
    async with database.control_tx() as tx:
        await tenants.set_status(tx, tenant.id, "suspended")


async def test_a_tenant_without_turns_is_left_out(place: Workplace, tenant: Tenant, user: Principal) -> None:
    assert tenant.id not in await recently_active(place)
    assert tenant.id in await every_tenant(place)
    await add_talk(place.database, user, days=0)
    assert tenant.id in await recently_active(place)
    async with place.database.control_tx() as tx:
        await tx.execute("update active_hours set hour = hour - interval '9 days'")
    assert tenant.id not in await recently_active(place)


async def test_a_chain_is_asked_for_from_a_new_row_until_nothing_can_be_missing(
    place: Workplace, tenant: Tenant
) -> None:
    assert tenant.id not in await recently_audited(place)
    worker = Principal(tenant.id, "worker")
    async with place.tx(tenant) as tx:
        await audit.record(tx, worker, "thing.do", "1")
    assert tenant.id in await recently_audited(place)
    await seal_audit(place, tenant)
    assert tenant.id in await recently_audited(place), "a transaction of this hour may still be open"
    async with place.database.control_tx() as tx:
        await tx.execute("update audited_hours set hour = hour - interval '2 hours'")
    async with place.tx(tenant) as tx:
        await audit.record(tx, worker, "thing.do", "2")
        assert tenant.id in await recently_audited(place)
    await seal_audit(place, tenant)
    async with place.database.control_tx() as tx:
        cursor = await tx.execute("select count(*) from audited_hours where tenant_id = %s", (tenant.id,))
        assert await cursor.fetchone() == (1,), "the old hour is forgotten, the new one is not"


async def test_retention_asks_where_something_may_be_too_old(
    place: Workplace, tenant: Tenant, user: Principal
) -> None:
    async def keep(**settings: Any) -> bool:
        async with place.tx(tenant) as tx:
            await tenants.change(tx, tenant.id, "A shop", settings)
        return tenant.id in await with_old_rows(place)

    assert not await keep(retention_days=1, retention={"messages": 1}), "it never had a turn"
    await add_talk(place.database, user, days=20)
    assert not await keep()
    assert not await keep(retention_days=21)
    assert await keep(retention_days=19)
    assert await keep(retention={"steps": 19})
    assert await keep(no_such_setting=1), "the job says what is wrong"
    await prune(place)
    async with place.database.control_tx() as tx:
        await tx.execute("update active_hours set hour = hour - interval '60 days'")
    await prune(place)
    assert await keep(retention_days=70), "how long it has had turns is not forgotten"
    assert not await keep(retention_days=90, retention={"audit": 40})
    async with place.database.control_tx() as tx:
        await tx.execute(
            "update tenants set created_at = now() - interval '41 days' where id = %s", (tenant.id,)
        )
    assert await keep(retention_days=90, retention={"audit": 40})
    assert not await keep(retention_days=90)


async def test_only_where_somebody_waits_the_timer_looks(
    database: Database, tenant: Tenant, user: Principal
) -> None:
    now = datetime.now(UTC)
    assert tenant.id not in await awaited(database, now)
    async with database.tenant_tx(user) as tx:
        _, handoff = await hand_over(tx, user, "queued")
    assert tenant.id in await awaited(database, now)
    worker = Principal(tenant.id, "worker")
    async with database.tenant_tx(worker) as tx:
        due = now + timedelta(minutes=10)
        await tx.execute(
            "update handoffs set state = 'ticketed', due_at = %s where id = %s", (due, handoff.id)
        )
    assert tenant.id not in await awaited(database, now)
    assert tenant.id in await awaited(database, now + timedelta(minutes=11))
    async with database.tenant_tx(worker) as tx:
        await tx.execute("update handoffs set escalated_at = now() where id = %s", (handoff.id,))
    assert tenant.id not in await awaited(database, now + timedelta(days=1))


async def test_a_deleted_conversation_waits_no_more(
    database: Database, tenant: Tenant, user: Principal
) -> None:
    async with database.tenant_tx(user) as tx:
        claim, _ = await hand_over(tx, user, "queued")
    async with database.tenant_tx(Principal(tenant.id, "worker")) as tx:
        await tx.execute("delete from conversations where id = %s", (claim.conversation_id,))
    assert tenant.id not in await awaited(database, datetime.now(UTC))


async def test_a_suspended_tenant_is_asked_by_nobody(
    place: Workplace, tenant: Tenant, user: Principal
) -> None:
    await add_talk(place.database, user, days=0)
    settings = {"webhook_url": "https://shop.example/hook"}
    async with place.database.tenant_tx(user) as tx:
        await hand_over(tx, user, "queued")
    async with place.database.tenant_tx(Principal(tenant.id, "worker")) as tx:
        await tenants.change(tx, tenant.id, "A shop", settings)
        assert await deliveries.owe(tx, "handoff.queued") == 1

    async def asked() -> list[bool]:
        async with place.database.control_tx() as tx:
            due = await deliveries.due_tenants(tx, "webhook")
        waits = await awaited(place.database, datetime.now(UTC))
        found = (due, waits, await recently_active(place), await every_tenant(place))
        return [tenant.id in who for who in found]

    assert await asked() == [True] * 4
    await suspend(place.database, tenant)
    assert await asked() == [False] * 4
