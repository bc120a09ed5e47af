"""What customers asked in vain is shown to those who write FAQs, without a name, and becomes a draft."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from desk.domain import Principal, Tenant
from desk.models.embeddings import MiniLM
from desk.settings import Settings
from desk.storage.pool import Database
from desk.subjects.wordings import LONGEST, readable
from server.issuer import Issuer
from server.jobs.faq_gaps import find_faq_gaps
from server.jobs.workplace import open_workplace
from tests.server.conftest import bearer
from tests.server.wire import ask

GAPS = "/api/v1/faqs/gaps"
MAIL = "ada.hidden@example.org"
SENDERS = {
    "ada": ("Do you ship to Norway?",),
    "bob": (f"Can you send my parcel to Norway? My address is {MAIL}", "do you ship to norway?"),
    "eve": ("Is shipping to Norway possible?", "Can you ship order 4711 0815 to Norway?"),
}


def client(base_url: str, issuer: Issuer, tenant: Tenant, name: str, role: str = "user") -> httpx.AsyncClient:
    headers = bearer(issuer, f"{name}@shop.example", role, tenant.slug)
    return httpx.AsyncClient(base_url=base_url, headers=headers, timeout=30)


@pytest.fixture
async def admin(base_url: str, issuer: Issuer, tenant: Tenant) -> AsyncIterator[httpx.AsyncClient]:
    async with client(base_url, issuer, tenant, "boss", "admin") as found:
        yield found


@pytest.fixture
async def asked(base_url: str, issuer: Issuer, tenant: Tenant) -> None:
    """A shop without FAQs whose customers ask for Norway."""
    for name, questions in SENDERS.items():
        async with client(base_url, issuer, tenant, name) as customer:
            for question in questions:
                assert (await ask(customer, question))["reply"]["route"] == "fallback"


async def gather(settings: Settings, embedder: MiniLM, tenant: Tenant) -> None:
    """Run the job for this shop, as a worker does."""
    assert settings.database_url is not None
    async with open_workplace(settings, settings.database_url.get_secret_value(), embedder) as place:
        while await find_faq_gaps(place, tenant):
            pass


async def listed(admin: httpx.AsyncClient, state: str = "open") -> list[dict[str, Any]]:
    response = await admin.get(GAPS, params={"state": state})
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["gaps"]
    return found


async def audited(database: Database, tenant: Tenant) -> list[tuple[str, str, Any]]:
    async with database.tenant_tx(Principal(tenant.id, "admin")) as tx:
        cursor = await tx.execute(
            "select action, object, detail from audit where action like 'faq%' order by at, id"
        )
        return [(row[0], row[1], row[2]) for row in await cursor.fetchall()]


@pytest.mark.usefixtures("asked")
async def test_a_gap_is_read_drafted_answered_and_gone(
    admin: httpx.AsyncClient, settings: Settings, embedder: MiniLM, tenant: Tenant, database: Database
) -> None:
    assert (await admin.get(GAPS)).json() == {"gaps": [], "rare": 0, "next_cursor": None}
    await gather(settings, embedder, tenant)
    [gap] = await listed(admin)
    assert (gap["questions"], gap["persons"], gap["state"]) == (5, 3, "open")
    texts = [gap["question"], *gap["others"]]
    assert len(texts) == 3, "one of each person"
    assert gap["question"].lower() in {"do you ship to norway?", "is shipping to norway possible?"}
    assert not any(MAIL in text or "4711" in text for text in texts)

    made = await admin.post(f"{GAPS}/{gap['id']}/draft")
    assert made.status_code == 201, made.text
    draft = made.json()
    assert draft["question"] == gap["question"]
    assert not any("[" in alias for alias in draft["aliases"])
    assert (await admin.post(f"{GAPS}/{gap['id']}/draft")).status_code == 409
    faq = (await admin.get(f"/api/v1/faqs/{draft['faq_id']}")).json()
    assert (faq["draft"], faq["answer"], faq["question"]) == (True, "", draft["question"])
    assert faq["aliases"] == draft["aliases"]
    assert await listed(admin) == []
    [drafted] = await listed(admin, "drafted")
    assert drafted == gap | {"state": "drafted", "faq_id": draft["faq_id"]}
    assert [row for row in await audited(database, tenant) if row[0] == "faq_gap.draft"] == [
        ("faq_gap.draft", gap["id"], {"faq": draft["faq_id"]})
    ]

    answer = {"question": draft["question"], "answer": "Yes, within ten days.", "aliases": draft["aliases"]}
    assert (await admin.put(f"/api/v1/faqs/{draft['faq_id']}", json=answer)).status_code == 200
    await gather(settings, embedder, tenant)
    assert await listed(admin, "drafted") == []
    assert (await admin.post(f"{GAPS}/{gap['id']}/dismiss")).status_code == 404


@pytest.mark.usefixtures("asked")
async def test_what_is_dismissed_stays_so_when_more_ask(
    admin: httpx.AsyncClient,
    base_url: str,
    issuer: Issuer,
    settings: Settings,
    embedder: MiniLM,
    tenant: Tenant,
    database: Database,
) -> None:
    await gather(settings, embedder, tenant)
    [gap] = await listed(admin)
    assert (await admin.post(f"{GAPS}/{gap['id']}/dismiss")).status_code == 204
    async with client(base_url, issuer, tenant, "zoe") as customer:
        await ask(customer, "Do you ship to Norway?")
    await gather(settings, embedder, tenant)
    assert await listed(admin) == []
    [dismissed] = await listed(admin, "dismissed")
    assert (dismissed["id"], dismissed["questions"], dismissed["persons"]) == (gap["id"], 6, 4)
    assert await audited(database, tenant) == [("faq_gap.dismiss", gap["id"], {})]
    assert (await admin.post(f"{GAPS}/{gap['id']}/draft")).status_code == 201
    assert [one["id"] for one in await listed(admin, "drafted")] == [gap["id"]]


async def test_of_questions_that_name_something_no_draft_is_made(
    admin: httpx.AsyncClient,
    base_url: str,
    issuer: Issuer,
    settings: Settings,
    embedder: MiniLM,
    tenant: Tenant,
) -> None:
    for name in ("ada", "bob", "eve"):
        async with client(base_url, issuer, tenant, name) as customer:
            await ask(customer, f"Do you ship to Norway for {name}.hidden@example.org?")
    await gather(settings, embedder, tenant)
    [gap] = await listed(admin)
    assert gap["question"] == "Do you ship to Norway for [EMAIL_1]?"
    refused = await admin.post(f"{GAPS}/{gap['id']}/draft")
    assert refused.status_code == 409
    assert "free of names" in refused.json()["detail"]


@pytest.mark.usefixtures("asked")
async def test_only_those_who_write_faqs_of_the_shop_reach_a_gap(
    admin: httpx.AsyncClient,
    base_url: str,
    issuer: Issuer,
    settings: Settings,
    embedder: MiniLM,
    tenant: Tenant,
) -> None:
    await gather(settings, embedder, tenant)
    [gap] = await listed(admin)
    ways = (("GET", GAPS), ("POST", f"{GAPS}/{gap['id']}/draft"), ("POST", f"{GAPS}/{gap['id']}/dismiss"))
    for role in ("user", "agent"):
        async with client(base_url, issuer, tenant, "ada", role) as other:
            assert [(await other.request(*way)).status_code for way in ways] == [403, 403, 403]
    headers = bearer(issuer, "boss@desk.example", "admin")
    async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=30) as neighbour:
        assert all(one["id"] != gap["id"] for one in await listed(neighbour))
        for way in ways[1:]:
            foreign = await neighbour.request(*way)
            unknown = await neighbour.request("POST", f"{GAPS}/{uuid4()}/draft")
            assert foreign.status_code == unknown.status_code == 404
    assert await listed(admin) == [gap]


def test_long_numbers_are_left_out_and_long_texts_cut() -> None:
    assert readable("Do you  ship\nin 24 hours?").text == "Do you ship in 24 hours?"
    assert readable("Do you ship in 24 hours?").plain
    for number in ("100234", "1002-34", "4711 0815", "+49 170"):
        shown = readable(f"Where is {number}?")
        assert (shown.text, shown.plain) == (
            f"Where is {'+' if number[0] == '+' else ''}[number]?",
            False,
        )
    named = readable("Is [PERSON_1] in?")
    assert (named.text, named.plain) == ("Is [PERSON_1] in?", False)
    long = readable("very " * 200 + "long?")
    assert len(long.text) <= LONGEST
    assert not long.plain
