"""Transactions that only read, and what a search costs Postgres."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import psycopg
import pytest

from desk.domain import Principal, TenantId, new_id
from desk.embedded import Engines
from desk.storage import faqs, found_faqs
from desk.storage.faqs import FaqEntry
from desk.storage.pool import Database

ONE = np.eye(384, dtype=np.float32)[0]
# A statement is prepared the sixth time, and Postgres settles on a plan after five more.
SETTLED = 12


@pytest.fixture
async def narrow(migrated: Engines) -> AsyncIterator[Database]:
    """A pool of one connection, so that whoever comes next has the same."""
    database = Database(migrated.database_url, size=1)
    await database.open()
    yield database
    await database.close()


async def write(database: Database, principal: Principal, external_id: str) -> None:
    async with database.tenant_tx(principal) as tx:
        await faqs.upsert(tx, principal.tenant_id, [FaqEntry(external_id, "How long does it take?")])
        await faqs.put_vectors(tx, principal.tenant_id, {external_id: ONE[None]})


async def read(database: Database, principal: Principal) -> list[str]:
    async with database.tenant_reading(principal) as tx:
        cursor = await tx.execute("select external_id from faqs order by 1")
    return [external_id for (external_id,) in await cursor.fetchall()]


async def test_each_reads_its_own_and_nothing_of_the_caller_stays(narrow: Database, admin: Principal) -> None:
    stranger = Principal(TenantId(new_id()), "admin")
    for _ in range(2):  # after reading, the same connection writes again, and for somebody else
        await write(narrow, admin, "ours")
        assert await read(narrow, admin) == ["ours"]
        await write(narrow, stranger, "theirs")
        assert await read(narrow, stranger) == ["theirs"]


async def test_nothing_is_written_by_what_only_reads(narrow: Database, admin: Principal) -> None:
    await write(narrow, admin, "ours")
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        async with narrow.tenant_reading(admin) as tx:
            await tx.execute("delete from faqs")
    assert await read(narrow, admin) == ["ours"]


async def test_a_search_is_not_planned_anew_each_time(narrow: Database, admin: Principal) -> None:
    await write(narrow, admin, "ours")
    for number in range(SETTLED):
        found = await found_faqs.nearest(narrow, admin, ONE, 1, words=f"how long, {number}?", worth=0.1)
        assert [one.faq.external_id for one in found] == ["ours"]
    async with narrow.tenant_reading(admin) as tx:
        cursor = await tx.execute(
            "select generic_plans from pg_prepared_statements where statement like '%candidates%'"
        )
    (planned_once,) = await cursor.fetchall()
    assert planned_once[0] > 0
