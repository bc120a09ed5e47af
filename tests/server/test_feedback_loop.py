"""The feedback loop: turns to look at again, and outcomes with honest denominators."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from desk.storage import tenants
from desk.storage.pool import Database
from server.issuer import Issuer
from tests.server.conftest import bearer
from tests.server.wire import ask

MAIL = "ada.hidden@example.org"
HELLO, NONSENSE, PERSON = "hi", "asdkjh qwe", "let me talk to a person"


@pytest.fixture
async def slug(database: Database) -> str:
    """A tenant of its own, so that its numbers are known."""
    name = f"loop-{uuid4().hex[:12]}"
    async with database.control_tx() as tx:
        await tenants.create(tx, name, "A shop that listens")
    return name


@pytest.fixture
async def customer(base_url: str, issuer: Issuer, slug: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = bearer(issuer, "ada@example.com", tenant=slug)
    async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=30) as client:
        yield client


@pytest.fixture
async def admin(base_url: str, issuer: Issuer, slug: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = bearer(issuer, "boss@desk.example", "admin", tenant=slug)
    async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=30) as client:
        yield client


async def moved(owner_url: str, turn_id: str, days: float) -> None:
    """Lets a turn, and its conversation if it is the first one, have been that many days ago."""
    async with await psycopg.AsyncConnection.connect(owner_url) as connection:
        await connection.execute(
            "with moved as (update shared.turns set accepted_at = now() - make_interval(secs => %s),"
            " finished_at = now() - make_interval(secs => %s) where id = %s returning conversation_id)"
            " update shared.conversations"
            " set created_at = least(created_at, now() - make_interval(secs => %s))"
            " where id in (select conversation_id from moved)",
            (days * 86400, days * 86400 - 1, turn_id, days * 86400),
        )


async def dashboard(admin: httpx.AsyncClient) -> dict[str, Any]:
    response = await admin.get("/api/v1/analytics/dashboard", params={"days": 30})
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def listed(admin: httpx.AsyncClient, wanted: str) -> list[str]:
    found = (await admin.get("/api/v1/reviews", params={"wanted": wanted})).json()
    return [turn["id"] for turn in found["turns"]]


async def test_nothing_is_a_share_of_nothing(admin: httpx.AsyncClient) -> None:
    found = await dashboard(admin)
    assert found["conversations"] == {
        "total": 0,
        "involved": None,
        "answered_without_person": None,
        "given_up": None,
        "asked_for_person": None,
        "reopened_within_7_days": None,
        "not_known_yet": 0,
    }
    assert found["answers"]["fallback"] is None
    assert found["by_day"] == []


async def test_each_outcome_is_counted_beside_what_it_is_a_part_of(
    customer: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    await ask(customer, HELLO)
    gone = await ask(customer, NONSENSE)
    asked = await ask(customer, HELLO)
    await ask(customer, PERSON, conversation_id=asked["conversation_id"])
    rating = {"turn_id": gone["turn_id"], "rating": "down"}
    assert (await customer.post("/api/v1/chat/feedback", json=rating)).status_code == 204
    found = await dashboard(admin)
    assert found["conversations"] == {
        "total": 3,
        "involved": {"n": 3, "of": 3},
        "answered_without_person": {"n": 1, "of": 3},
        "given_up": {"n": 1, "of": 3},
        "asked_for_person": {"n": 1, "of": 3},
        "reopened_within_7_days": None,
        "not_known_yet": 1,
    }
    assert found["answers"]["turns"] == 4
    assert found["answers"]["fallback"] == {"n": 1, "of": 3}
    assert found["answers"]["rated"] == {"n": 1, "of": 4}
    assert found["answers"]["rated_down"] == {"n": 1, "of": 1}
    assert found["by_route"] == {"canned": 2, "fallback": 1, "handoff": 1}
    assert [day["turns"] for day in found["by_day"]] == [4]
    page = (await admin.get("/api/v1/analytics/conversations")).json()["conversations"]
    assert [one["outcome"] for one in page] == ["person", "given_up", "answered"]
    person = page[0]["subject_id"]
    same = (await admin.get(f"/api/v1/analytics/user/{person}")).json()
    assert same["conversations"] == found["conversations"]
    assert (await admin.get(f"/api/v1/analytics/user/{uuid4()}")).status_code == 404


async def test_reopened_is_told_of_those_who_had_their_seven_days(
    customer: httpx.AsyncClient, admin: httpx.AsyncClient, owner_url: str
) -> None:
    quiet, back, late, fresh = [await ask(customer, HELLO) for _ in range(4)]
    await moved(owner_url, quiet["turn_id"], 9)
    await moved(owner_url, back["turn_id"], 5)
    await ask(customer, HELLO, conversation_id=back["conversation_id"])
    await moved(owner_url, late["turn_id"], 12)
    await ask(customer, NONSENSE, conversation_id=late["conversation_id"])
    assert fresh["reply"]["route"] == "canned"
    found = (await dashboard(admin))["conversations"]
    assert found["answered_without_person"] == {"n": 4, "of": 4}
    assert found["reopened_within_7_days"] == {"n": 1, "of": 3}
    assert found["not_known_yet"] == 1


async def test_what_went_wrong_waits_for_a_label(
    customer: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    fine = await ask(customer, HELLO)
    low = await ask(customer, HELLO)
    nothing = await ask(customer, NONSENSE)
    rating = {
        "turn_id": low["turn_id"],
        "rating": "down",
        "tags": ["wrong"],
        "comment": f"No! Write to {MAIL}",
    }
    assert (await customer.post("/api/v1/chat/feedback", json=rating)).status_code == 204
    assert await listed(admin, "open") == [nothing["turn_id"], low["turn_id"]]
    assert await listed(admin, "low_rated") == [low["turn_id"]]
    assert await listed(admin, "abstained") == [nothing["turn_id"]]
    [shown] = (await admin.get("/api/v1/reviews", params={"wanted": "low_rated"})).json()["turns"]
    assert shown["tags"] == ["wrong"]
    assert shown["comment"] == "No! Write to [EMAIL_1]"
    assert (shown["asked"], shown["rating"]) == (HELLO, "down")

    path = f"/api/v1/reviews/{nothing['turn_id']}"
    body = {"label": "knowledge_missing", "became": "faq"}
    assert (await admin.put(path, json=body)).status_code == 204
    assert (await admin.put(path, json={"label": "unclear"})).status_code == 204
    assert await listed(admin, "open") == [low["turn_id"]]
    [reviewed] = (await admin.get("/api/v1/reviews", params={"wanted": "reviewed"})).json()["turns"]
    assert (reviewed["label"], reviewed["became"]) == ("unclear", "faq")
    assert len(await listed(admin, "all")) == 3
    assert fine["turn_id"] in await listed(admin, "all")
    audit = (await admin.get("/api/v1/audit", params={"action": "turn.review"})).json()["audit"]
    assert [row["detail"]["label"] for row in audit] == ["unclear", "knowledge_missing"]


async def test_only_admins_of_the_tenant_look_and_label(
    customer: httpx.AsyncClient, admin: httpx.AsyncClient, boss: httpx.AsyncClient
) -> None:
    turn = await ask(customer, NONSENSE)
    path = f"/api/v1/reviews/{turn['turn_id']}"
    for address in ("/api/v1/reviews", "/api/v1/analytics/dashboard", "/api/v1/analytics/conversations"):
        assert (await customer.get(address)).status_code == 403
    assert (await customer.put(path, json={"label": "right"})).status_code == 403
    assert (await boss.put(path, json={"label": "right"})).status_code == 404
    assert turn["turn_id"] not in await listed(boss, "all")
    assert (await admin.put(path, json={"label": "nonsense"})).status_code == 422
    assert (await admin.put(path, json={"label": "right"})).status_code == 204


async def test_the_history_says_how_its_reader_rated(customer: httpx.AsyncClient) -> None:
    rated, other = await ask(customer, HELLO), await ask(customer, NONSENSE)
    for rating in ("up", "down"):
        body = {"turn_id": rated["turn_id"], "rating": rating}
        assert (await customer.post("/api/v1/chat/feedback", json=body)).status_code == 204
    messages = (await customer.get("/api/v1/chat/history")).json()["messages"]
    assert [(one["turn_id"], one["role"], one["rating"]) for one in messages] == [
        (rated["turn_id"], "user", None),
        (rated["turn_id"], "assistant", "down"),
        (other["turn_id"], "user", None),
        (other["turn_id"], "assistant", None),
    ]
