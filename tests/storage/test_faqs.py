"""FAQs in the database: versions, vectors, and a tenant that sees its own only."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from desk.domain import Principal, Tenant, TenantId, new_id
from desk.storage import faqs, found_faqs
from desk.storage.faqs import FaqEntry, Upserted
from desk.storage.pool import Database

SHIPPING = FaqEntry("shipping", "How long does shipping take?", "Five days.", "delivery")
RETURNS = FaqEntry("returns", "What is your return policy?", "You have 30 days.")
AXES: NDArray[np.float32] = np.eye(384, dtype=np.float32)


@pytest.fixture
def stranger() -> Principal:
    return Principal(TenantId(new_id()), "admin")


async def add(database: Database, principal: Principal, *entries: FaqEntry) -> Upserted:
    """Store entries; the first lies on the first axis, and so on."""
    async with database.tenant_tx(principal) as tx:
        done = await faqs.upsert(tx, principal.tenant_id, entries)
        vectors = {entry.external_id: AXES[n : n + 1] for n, entry in enumerate(entries)}
        await faqs.put_vectors(tx, principal.tenant_id, vectors)
    return done


async def version_rows(database: Database, principal: Principal) -> list[tuple[int, str]]:
    async with database.tenant_tx(principal) as tx:
        cursor = await tx.execute("select version, answer from faq_versions order by faq_id, version")
        return [(version, answer) for version, answer in await cursor.fetchall()]


async def test_a_new_answer_makes_a_version_and_nothing_else_does(
    database: Database, admin: Principal
) -> None:
    assert await add(database, admin, SHIPPING) == Upserted(added=1)
    assert await add(database, admin, SHIPPING) == Upserted(unchanged=1)
    moved = FaqEntry("shipping", SHIPPING.question, SHIPPING.answer, "orders")
    assert await add(database, admin, moved) == Upserted(unchanged=1, moved=1)
    slower = FaqEntry("shipping", SHIPPING.question, "Six days.", "orders")
    assert await add(database, admin, slower, RETURNS) == Upserted(added=1, changed=1)

    async with database.tenant_tx(admin) as tx:
        found = await faqs.get(tx, "shipping")
    assert found is not None
    assert (found.version, found.answer, found.category) == (2, "Six days.", "orders")
    assert await version_rows(database, admin) == [
        (1, "Five days."),
        (2, "Six days."),
        (1, "You have 30 days."),
    ]


async def test_nearest_takes_the_best_part_of_each_faq(database: Database, admin: Principal) -> None:
    await add(database, admin, SHIPPING, RETURNS)
    async with database.tenant_tx(admin) as tx:
        await faqs.put_vectors(tx, admin.tenant_id, {"returns": AXES[[1, 2]]})
    found = await found_faqs.nearest(database, admin, AXES[2] * 0.8 + AXES[0] * 0.6, 5)
    assert [hit.faq.external_id for hit in found] == ["returns", "shipping"]
    assert [hit.cosine for hit in found] == pytest.approx([0.8, 0.6])


async def test_a_tenant_finds_and_removes_its_own_faqs_only(
    database: Database, admin: Principal, stranger: Principal
) -> None:
    await add(database, admin, SHIPPING)
    await add(database, stranger, RETURNS)
    found = await found_faqs.nearest(database, stranger, AXES[0], 9)
    assert [hit.faq.external_id for hit in found] == ["returns"]
    async with database.tenant_tx(stranger) as tx:
        assert await found_faqs.matching_words(tx, "shipping", 9) == []
        assert await faqs.get(tx, "shipping") is None
        assert not await faqs.delete(tx, "shipping")
        assert await faqs.delete_missing(tx, []) == 1
    async with database.tenant_tx(admin) as tx:
        assert await faqs.count(tx) == 1


async def test_vectors_are_missing_until_stored_and_after_a_change(
    database: Database, admin: Principal
) -> None:
    async with database.tenant_tx(admin) as tx:
        await faqs.upsert(tx, admin.tenant_id, [SHIPPING, RETURNS])
        assert await faqs.without_vectors(tx, [SHIPPING, RETURNS], [1, 1]) == {"shipping", "returns"}
    await add(database, admin, SHIPPING, RETURNS)
    other = FaqEntry("returns", RETURNS.question, "You have 14 days.")
    async with database.tenant_tx(admin) as tx:
        assert await faqs.without_vectors(tx, [SHIPPING, other], [1, 1]) == {"returns"}
        assert await faqs.without_vectors(tx, [SHIPPING, RETURNS], [2, 1]) == {"shipping"}


async def test_words_are_found_and_rare_ones_count_more(database: Database, admin: Principal) -> None:
    entries = [FaqEntry(str(n), f"How does it work, number {n}?", "Well.") for n in range(5)]
    await add(database, admin, *entries, SHIPPING)
    async with database.tenant_tx(admin) as tx:
        found = await found_faqs.matching_words(tx, "how does SHIPPING work", 3)
        assert found[0].faq.external_id == "shipping"
        assert 0 < found[1].share < found[0].share < 1
        whole = await found_faqs.matching_words(tx, "how long does shipping take", 1)
        answered = await found_faqs.matching_words(tx, "five days", 1)
    assert whole[0].share == pytest.approx(1)
    assert answered[0].share == pytest.approx(0.5)


@pytest.mark.parametrize("query", ["", "' | & ! ( :* <->", "\\", "\0", "a" * 5000, "naïve ☕ 100%"])
async def test_no_query_is_an_operator(database: Database, admin: Principal, query: str) -> None:
    await add(database, admin, SHIPPING)
    async with database.tenant_tx(admin) as tx:
        assert await found_faqs.matching_words(tx, query, 5) == []


async def test_pages_follow_one_another(database: Database, tenant: Tenant, admin: Principal) -> None:
    await add(database, admin, *(FaqEntry(f"faq-{n:02}", f"Question {n}?") for n in range(7)))
    seen: list[str] = []
    async with database.tenant_tx(admin) as tx:
        while page := await faqs.list_page(tx, seen[-1] if seen else None, 3):
            seen += [faq.external_id for faq in page]
    assert seen == [f"faq-{n:02}" for n in range(7)]
