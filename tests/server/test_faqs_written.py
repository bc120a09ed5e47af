"""Admins write FAQs over the API: one by one with warnings, as files, with versions, and take them away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest

from desk.domain import Principal, Tenant
from desk.storage.pool import Database
from server.issuer import Issuer
from tests.server.conftest import bearer

FAQS = "/api/v1/faqs"
EARLIEST, LATEST = "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"
RETURNS = {"question": "How long can I return a book?", "answer": "You may return it within 30 days."}


def client(base_url: str, issuer: Issuer, tenant: Tenant, role: str) -> httpx.AsyncClient:
    headers = bearer(issuer, f"{role}@shop.example", role, tenant.slug)
    return httpx.AsyncClient(base_url=base_url, headers=headers, timeout=30)


@pytest.fixture
async def admin(base_url: str, issuer: Issuer, tenant: Tenant) -> AsyncIterator[httpx.AsyncClient]:
    """The admin of a tenant without FAQs."""
    async with client(base_url, issuer, tenant, "admin") as found:
        yield found


async def audited(database: Database, tenant: Tenant) -> list[tuple[str, str, dict[str, Any]]]:
    async with database.tenant_tx(Principal(tenant.id, "admin")) as tx:
        cursor = await tx.execute("select action, object, detail from audit order by at, id")
        return [(row[0], row[1], row[2]) for row in await cursor.fetchall()]


async def test_a_question_without_an_answer_is_told_to_nobody(admin: httpx.AsyncClient) -> None:
    content = "question,answer\nDo you sell blue zorbals?,\nDo you sell red zorbals?,In spring alone.\n"
    loaded = (await admin.post(f"{FAQS}/import", json={"format": "csv", "content": content})).json()
    assert (loaded["added"], loaded["bad"]) == (2, [])
    said = (await admin.post("/api/v1/chat/", json={"message": "Do you sell blue zorbals?"})).json()["reply"]
    assert said["text"]
    assert "Do you sell blue zorbals?" not in [one["title"] for one in said["citations"]]


async def test_a_faq_is_written_found_changed_and_deleted(
    admin: httpx.AsyncClient, database: Database, tenant: Tenant
) -> None:
    made = await admin.post(FAQS, json=RETURNS | {"id": "returns", "aliases": ["What is the return window?"]})
    assert made.status_code == 201
    assert (made.json()["version"], made.json()["warnings"]) == (1, [])
    assert (await admin.post(FAQS, json=RETURNS | {"id": "returns"})).status_code == 409
    found = (await admin.get(f"{FAQS}/search", params={"q": "return window"})).json()["results"]
    assert [one["source_id"] for one in found] == ["returns"]
    changed = await admin.put(f"{FAQS}/returns", json=RETURNS | {"answer": "Within 14 days."})
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    versions = (await admin.get(f"{FAQS}/returns/versions")).json()["versions"]
    assert [(one["version"], one["answer"]) for one in versions] == [
        (2, "Within 14 days."),
        (1, RETURNS["answer"]),
    ]
    assert (await admin.delete(f"{FAQS}/returns")).status_code == 204
    for path in (f"{FAQS}/returns", f"{FAQS}/returns/versions"):
        assert (await admin.get(path)).status_code == 404
    assert (await admin.delete(f"{FAQS}/returns")).status_code == 404
    assert (await admin.put(f"{FAQS}/returns", json=RETURNS)).status_code == 404
    assert await audited(database, tenant) == [
        ("faqs.written", "returns", {"added": 1, "changed": 0}),
        ("faqs.written", "returns", {"added": 0, "changed": 1}),
        ("faqs.deleted", "returns", {}),
    ]


async def test_a_second_answer_to_one_question_is_warned_of(admin: httpx.AsyncClient) -> None:
    await admin.post(FAQS, json=RETURNS | {"id": "returns"})
    reworded = {"id": "again", "question": "How long can I return books?"}
    same = await admin.post(FAQS, json=RETURNS | reworded)
    [warning] = same.json()["warnings"]
    assert (warning["kind"], warning["faq_id"], warning["figures"]) == ("duplicate", "returns", [])
    await admin.delete(f"{FAQS}/again")
    other = await admin.post(FAQS, json={"question": RETURNS["question"], "answer": "Within 14 days only."})
    [warning] = other.json()["warnings"]
    assert (warning["kind"], warning["figures"]) == ("conflict", ["14", "30"])
    assert warning["question"] == RETURNS["question"]
    unlike = await admin.post(FAQS, json={"question": "Do you wrap gifts?", "answer": "Yes, for 3 euros."})
    assert unlike.json()["warnings"] == []


async def test_files_are_imported_with_their_bad_lines_and_exported(admin: httpx.AsyncClient) -> None:
    lines = [
        orjson.dumps({"id": f"q{number}", "question": f"Question {number}?", "answer": f"Answer {number}."})
        for number in range(3)
    ]
    content = b"\n".join([*lines, b"{", b'{"answer": "none"}']).decode()
    done = (await admin.post(f"{FAQS}/import", json={"format": "jsonl", "content": content})).json()
    assert done["added"] == 3
    assert [row["line"] for row in done["bad"]] == [4, 5]
    again = (await admin.post(f"{FAQS}/import", json={"format": "jsonl", "content": content})).json()
    assert (again["added"], again["unchanged"]) == (0, 3)
    table = "question,answer\nIs it open on Sunday?,No.\n"
    assert (await admin.post(f"{FAQS}/import", json={"format": "csv", "content": table})).json()["added"] == 1
    taken = await admin.get(f"{FAQS}/export")
    assert taken.headers["content-type"] == "application/x-ndjson"
    rows = [orjson.loads(line) for line in taken.text.splitlines()]
    assert [row["id"] for row in rows if row["id"].startswith("q")][-3:] == ["q0", "q1", "q2"]
    back = await admin.post(f"{FAQS}/import", json={"format": "jsonl", "content": taken.text})
    assert back.json() == {"added": 0, "changed": 0, "unchanged": 4, "unanswered": 0, "bad": []}


async def test_times_that_nobody_can_read_back_are_a_bad_line(admin: httpx.AsyncClient) -> None:
    """One of them, kept, would end every list, export and search of the tenant with an error."""
    rows = [{"question": "Who?", "answer": "x"}, {"question": "What?", "answer": "y"}]
    rows[0]["publish_at"], rows[1]["expires_at"] = EARLIEST, LATEST
    content = "".join(orjson.dumps(row).decode() + "\n" for row in rows)
    told = (await admin.post(f"{FAQS}/import", json={"format": "jsonl", "content": content})).json()
    assert [one["why"] for one in told["bad"]] == [
        f"{name} is not in the years 2 to 9998" for name in ("publish_at", "expires_at")
    ]
    assert (await admin.get(f"{FAQS}/search", params={"q": "Who?"})).json() == {"results": []}


async def test_imports_of_one_shop_come_one_after_the_other(admin: httpx.AsyncClient) -> None:
    def rows(name: str, count: int) -> dict[str, str]:
        lines = [orjson.dumps({"question": f"{name} {at}?", "answer": "x"}).decode() for at in range(count)]
        return {"format": "jsonl", "content": "\n".join(lines)}

    many = asyncio.create_task(admin.post(f"{FAQS}/import", json=rows("many", 400)))
    await asyncio.sleep(0.1)
    few = await admin.post(f"{FAQS}/import", json=rows("few", 1))
    listed = await admin.get(FAQS, params={"limit": 500})
    assert ((await many).json()["added"], few.json()["added"]) == (400, 1)
    assert len(listed.json()["faqs"]) == 401


async def test_bad_faqs_are_refused_and_nothing_is_written(admin: httpx.AsyncClient) -> None:
    for body in (
        {"question": "", "answer": "x"},
        {"question": "Who?", "answer": " "},
        {"question": "Who?", "answer": "x\0"},
        {"question": "Who?" * 200, "answer": "x"},
        {"question": "Who?", "answer": "x", "id": "a/b"},
        {"question": "Who?", "answer": "x", "language": "english"},
        {"question": "Who?", "answer": "x", "tenant_id": "other"},
        {"question": "Who?", "answer": "x", "publish_at": EARLIEST},
        {"question": "Who?", "answer": "x", "expires_at": LATEST},
    ):
        assert (await admin.post(FAQS, json=body)).status_code == 422, body
    wrong = await admin.post(f"{FAQS}/import", json={"format": "csv", "content": "no header\n"})
    assert wrong.status_code == 422
    assert "question and answer" in wrong.json()["detail"]
    assert (await admin.get(FAQS)).json()["faqs"] == []


async def test_others_may_read_and_not_write(
    base_url: str, issuer: Issuer, tenant: Tenant, admin: httpx.AsyncClient
) -> None:
    await admin.post(FAQS, json=RETURNS | {"id": "returns"})
    for role in ("user", "agent"):
        async with client(base_url, issuer, tenant, role) as other:
            assert (await other.get(f"{FAQS}/returns")).status_code == 200
            for method, path in (
                ("POST", FAQS),
                ("PUT", f"{FAQS}/returns"),
                ("DELETE", f"{FAQS}/returns"),
                ("POST", f"{FAQS}/import"),
                ("GET", f"{FAQS}/export"),
                ("GET", f"{FAQS}/returns/versions"),
            ):
                assert (await other.request(method, path, json=RETURNS)).status_code == 403, (role, path)


async def test_drafts_are_the_admins_alone_and_travel_with_an_export(
    admin: httpx.AsyncClient, base_url: str, issuer: Issuer, tenant: Tenant
) -> None:
    body = RETURNS | {"id": "returns", "draft": True, "aliases": ["What is the return window?"]}
    made = (await admin.post(FAQS, json=body | {"category": "orders"})).json()
    assert (made["state"], made["hits"], made["aliases"]) == ("draft", 0, body["aliases"])
    async with client(base_url, issuer, tenant, "user") as customer:
        assert (await customer.get(f"{FAQS}/returns")).status_code == 404
        assert (await customer.get(FAQS)).json()["faqs"] == []
        assert (await customer.get(f"{FAQS}/categories")).json() == {"categories": []}
        taken = (await admin.get(f"{FAQS}/export")).text
        assert orjson.loads(taken)["draft"] is True
        shown = taken.replace('"draft":true', '"draft":false')
        back = await admin.post(f"{FAQS}/import", json={"format": "jsonl", "content": shown})
        assert back.json() == {"added": 0, "changed": 0, "unchanged": 1, "unanswered": 0, "bad": []}
        assert [faq["id"] for faq in (await customer.get(FAQS)).json()["faqs"]] == ["returns"]
        assert "hits" not in (await customer.get(f"{FAQS}/returns")).json()
    assert (await admin.get(f"{FAQS}/categories")).json()["categories"] == [{"name": "orders", "faqs": 1}]
    assert (await admin.get(FAQS, params={"category": "other"})).json()["faqs"] == []
    times = {"publish_at": "2026-01-02T00:00:00Z", "expires_at": "2026-01-01T00:00:00Z"}
    assert (await admin.put(f"{FAQS}/returns", json=RETURNS | times)).status_code == 422
