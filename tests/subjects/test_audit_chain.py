"""The audit's chain: every way to change the past shows, and what is meant to go does not break it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import psycopg
import pytest

from desk.domain import Principal, Tenant, new_id
from desk.storage import audit, audit_seals
from desk.storage.pool import Database
from desk.subjects.audit_chain import FIRST, Chain, Verdict, contains, seal_batch, verify
from desk.subjects.audit_export import audit_lines

CHAIN = Chain(b"c" * 32)


async def note(database: Database, tenant: Tenant, count: int, *, days_ago: int = 0) -> None:
    worker = Principal(tenant.id, "worker")
    async with database.tenant_tx(worker) as tx:
        for number in range(count):
            await audit.record(tx, worker, "thing.do", str(new_id()), {"number": number, "b": 1.5, "a": "é"})
    if days_ago:
        await owner_does(
            "update shared.audit set at = at - make_interval(days => %s) where tenant_id = %s"
            " and not exists (select from shared.audit_seals s where s.audit_id = audit.id)",
            days_ago,
            tenant.id,
        )


async def seal(database: Database, tenant: Tenant, *, limit: int = 100) -> int:
    async with database.tenant_tx(Principal(tenant.id, "worker")) as tx:
        return await seal_batch(tx, CHAIN, limit=limit)


async def checked(database: Database, tenant: Tenant, chain: Chain = CHAIN) -> Verdict:
    return await verify(database, tenant.id, chain)


_OWNER: list[str] = []


async def owner_does(query: str, *values: Any) -> None:
    """What nobody but the database's owner can do."""
    async with await psycopg.AsyncConnection.connect(_OWNER[0]) as conn:
        await conn.execute(query.encode(), values or None)


@pytest.fixture(autouse=True)
async def _owner(owner_url: str) -> AsyncIterator[None]:
    _OWNER[:] = [owner_url]
    yield
    _OWNER.clear()


@pytest.fixture
async def sealed(database: Database, tenant: Tenant) -> Tenant:
    """A tenant with seven sealed rows, in three batches."""
    await note(database, tenant, 7)
    assert [await seal(database, tenant, limit=3) for _ in range(4)] == [3, 3, 1, 0]
    return tenant


async def test_a_chain_is_whole_and_its_tail_is_counted(database: Database, sealed: Tenant) -> None:
    await note(database, sealed, 2)
    verdict = await checked(database, sealed)
    assert (verdict.first, verdict.last, verdict.rows, verdict.unsealed) == (1, 7, 7, 2)
    assert verdict.findings == []
    await seal(database, sealed)
    assert (await checked(database, sealed)).unsealed == 0


async def test_a_tenant_without_a_row_has_nothing_broken(database: Database, tenant: Tenant) -> None:
    verdict = await checked(database, tenant)
    assert (verdict.first, verdict.last, verdict.findings) == (0, 0, [])


TAMPERING = {
    "changed": (3, "update shared.audit set detail = '{{}}' where id = {3}"),
    "backdated": (4, "update shared.audit set at = at - interval '1 second' where id = {4}"),
    "deleted": (5, "delete from shared.audit where id = {5}"),
    "its seal too": (
        6,
        "with gone as (delete from shared.audit where id = {5} returning id)"
        " delete from shared.audit_seals where audit_id in (select id from gone)",
    ),
    "reordered": (
        2,
        "update shared.audit_seals set number = 100 where tenant_id = {tenant} and number = 2;"
        "update shared.audit_seals set number = 2 where tenant_id = {tenant} and number = 3;"
        "update shared.audit_seals set number = 3 where tenant_id = {tenant} and number = 100",
    ),
    "the first": (1, "delete from shared.audit where id = {1}"),
    "the beginning": (
        3,
        "with gone as (delete from shared.audit where id in ({1}, {2}) returning id)"
        " delete from shared.audit_seals where audit_id in (select id from gone)",
    ),
}


@pytest.mark.parametrize("way", TAMPERING)
async def test_what_was_tampered_with_is_named(database: Database, sealed: Tenant, way: str) -> None:
    number, query = TAMPERING[way]
    async with database.tenant_tx(Principal(sealed.id, "worker")) as tx:
        links = await audit_seals.list_sealed(tx, after=0, limit=10)
    ids = {str(link.seal.number): f"'{link.seal.audit_id}'::uuid" for link in links}
    for name, value in (ids | {"tenant": f"'{sealed.id}'::uuid"}).items():
        query = query.replace(f"{{{name}}}", value)
    await owner_does(query.replace("{{}}", "{}"))
    findings = (await checked(database, sealed)).findings
    assert findings[0].number == number, findings


async def test_a_row_that_was_put_in_later_shows_sealed_or_not(database: Database, tenant: Tenant) -> None:
    await note(database, tenant, 2)
    await seal(database, tenant)
    await note(database, tenant, 1, days_ago=2)
    [finding] = (await checked(database, tenant)).findings
    assert (finding.number, finding.what) == (None, "an unsealed row is older than the chain")
    await seal(database, tenant)
    [finding] = (await checked(database, tenant)).findings
    assert (finding.number, finding.what) == (3, "the row was added after its time")


async def test_a_backlog_is_sealed_without_a_complaint(database: Database, tenant: Tenant) -> None:
    """The worker was away for days: rows are old when they are sealed, and come in several batches."""
    await note(database, tenant, 5, days_ago=3)
    await note(database, tenant, 5)
    while await seal(database, tenant, limit=4):
        pass
    verdict = await checked(database, tenant)
    assert (verdict.rows, verdict.findings) == (10, [])


async def test_without_the_installations_key_no_chain_can_be_made(database: Database, sealed: Tenant) -> None:
    findings = (await checked(database, sealed, Chain(b"x" * 32))).findings
    assert [finding.what for finding in findings] == ["the seal was not made here"] * 7


async def test_a_tail_that_was_cut_shows_against_a_seal_that_was_written_down(
    database: Database, sealed: Tenant
) -> None:
    noted = await checked(database, sealed)
    worker = Principal(sealed.id, "worker")
    async with database.tenant_tx(worker) as tx:
        assert await contains(tx, noted.last, noted.head)
        assert not await contains(tx, noted.last, b"x" * 32)
    await owner_does(
        "with gone as (delete from shared.audit_seals where tenant_id = %s and number > 5 returning audit_id)"
        " delete from shared.audit where id in (select audit_id from gone)",
        sealed.id,
    )
    assert (await checked(database, sealed)).findings == [], "by itself a shorter chain is a chain"
    async with database.tenant_tx(worker) as tx:
        assert not await contains(tx, noted.last, noted.head)


async def test_the_application_can_neither_change_nor_delete(database: Database, sealed: Tenant) -> None:
    for statement in (
        "delete from audit",
        "update audit_seals set hash = ''",
        "delete from audit_seals",
        "select prune_audit(29, 10)",
    ):
        with pytest.raises(psycopg.DatabaseError):
            async with database.tenant_tx(Principal(sealed.id, "worker")) as tx:
                await tx.execute(statement.encode())


async def test_the_application_deletes_by_age_alone_and_says_so_in_the_chain(
    database: Database, tenant: Tenant
) -> None:
    await note(database, tenant, 6, days_ago=100)
    await note(database, tenant, 3)
    while await seal(database, tenant):
        pass
    worker = Principal(tenant.id, "worker")
    for expected in (4, 6, None):
        async with database.tenant_tx(worker) as tx:
            assert await audit_seals.prune(tx, worker, days=90, limit=4) == expected
    assert (await checked(database, tenant)).first == 6
    unsaid = (await checked(database, tenant)).findings
    assert [finding.number for finding in unsaid] == [6], "not sealed yet, what was deleted is not told"
    await seal(database, tenant)
    verdict = await checked(database, tenant)
    assert (verdict.findings, verdict.rows) == ([], 5)
    await owner_does(
        "with gone as (delete from shared.audit_seals where tenant_id = %s and number = 6) select 1",
        tenant.id,
    )
    assert (await checked(database, tenant)).findings[0].number == 7


async def test_an_export_proves_itself_to_anybody(database: Database, sealed: Tenant) -> None:
    """With nothing but the lines and SHA-256."""
    await note(database, sealed, 1)
    lines = [json.loads(line) async for line in audit_lines(database, Principal(sealed.id, "worker"))]
    before = FIRST.hex()
    for line in lines[:-1]:
        names = ("number", "sealed_at", "tenant_id", "id", "at", "actor", "action", "object", "detail")
        body = [before, *(line[name] for name in names)]
        before = hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()
        assert before == line["hash"]
    assert (lines[-1]["number"], lines[-1]["hash"]) == (None, None)
    assert datetime.now(UTC) - datetime.fromisoformat(lines[-1]["at"]) < timedelta(minutes=5)
