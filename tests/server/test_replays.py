"""Replays and evals over the API: recorded turns run again, and cases played, told as they go."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.issuer import Issuer
from tests.server.conftest import bearer
from tests.server.wire import ask

CASE = {
    "id": "shipping",
    "source": "ours",
    "as": None,
    "turns": [{"say": "How long does shipping take?", "expect": {"routes": ["canned"]}}],
}


@pytest.fixture
async def admin(base_url: str, issuer: Issuer) -> AsyncIterator[httpx.AsyncClient]:
    headers = bearer(issuer, "boss@desk.example", "admin")
    async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=60) as client:
        yield client


def events_of(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    blocks = [block.splitlines() for block in response.text.strip().split("\n\n")]
    return [
        {"event": event.removeprefix("event: "), "data": json.loads(data.removeprefix("data: "))}
        for event, data in blocks
    ]


async def test_recorded_turns_are_the_same_again(ada: httpx.AsyncClient, admin: httpx.AsyncClient) -> None:
    since = datetime.now(UTC).isoformat()
    for message in ("hi", "Where is my order 100234?", "How long does shipping take?"):
        await ask(ada, message)
    body = {"since": since, "candidate": "same", "limit": 3}
    *turns, done = events_of(await admin.post("/api/v1/replays", json=body))
    assert [turn["data"] for turn in turns] == [{"number": 1}, {"number": 2}, {"number": 3}]
    assert done["event"] == "done"
    assert done["data"]["figures"]["identical"] == 3
    assert done["data"]["groups"] == []


@pytest.mark.parametrize("candidate", ["nothing", "support@999", "canary", str(Path(__file__))])
async def test_what_is_no_candidate_is_refused_and_no_file_is_one(
    admin: httpx.AsyncClient, candidate: str
) -> None:
    body = {"since": "2026-01-01T00:00:00Z", "candidate": candidate}
    refused = await admin.post("/api/v1/replays", json=body)
    assert refused.status_code == 422, refused.text


async def test_a_day_without_its_zone_is_refused(admin: httpx.AsyncClient) -> None:
    refused = await admin.post("/api/v1/replays", json={"since": "2026-01-01T00:00:00"})
    assert refused.status_code == 422


async def test_customers_replay_nothing(ada: httpx.AsyncClient) -> None:
    body = {"since": "2026-01-01T00:00:00Z"}
    assert (await ada.post("/api/v1/replays", json=body)).status_code == 403
    assert (await ada.post("/api/v1/evals/runs", json={"cases": [CASE]})).status_code == 403


async def test_the_suites_that_can_be_played_are_told(admin: httpx.AsyncClient) -> None:
    [suite] = (await admin.get("/api/v1/evals")).json()["suites"]
    assert suite["suite"] == "bookshop"
    assert suite["turns"] >= suite["cases"] >= 20


async def test_cases_are_played_and_what_failed_is_told(admin: httpx.AsyncClient) -> None:
    wrong = {**CASE, "id": "wrong", "turns": [{"say": "hi", "expect": {"routes": ["order"]}}]}
    answered = await admin.post("/api/v1/evals/runs", json={"cases": [CASE, wrong]})
    first, second, done = events_of(answered)
    assert first["data"] == {"number": 1, "of": 2, "id": "shipping", "failures": []}
    [failure] = second["data"]["failures"]
    assert failure["said"] == "hi"
    assert failure["got"]["route"] == "canned"
    assert done["data"] == {"played": 2, "passed": 1}
