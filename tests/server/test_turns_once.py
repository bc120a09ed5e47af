"""One Idempotency-Key, one turn: replays, attaching, key reuse, one writer, a process killed in a turn."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from desk.embedded import Engines
from desk.settings import Settings
from server.issuer import Issuer
from tests.plugins.stores import temporary_home
from tests.server.conftest import MASTER_KEY, bearer
from tests.server.wire import ask, parse_events, read_events


async def test_the_same_key_gives_the_same_reply(ada: httpx.AsyncClient) -> None:
    headers = {"idempotency-key": str(uuid4())}
    body = {"message": "How long does shipping take?"}
    first = (await ada.post("/api/v1/chat/", json=body, headers=headers)).json()
    second = (await ada.post("/api/v1/chat/send", json=body, headers=headers)).json()
    assert first == second
    events = await read_events(ada, body, headers)
    assert events[-1]["data"] == first
    assert events[0]["data"]["turn_id"] == first["turn_id"]
    history = await ada.get("/api/v1/chat/history", params={"conversation_id": first["conversation_id"]})
    assert len(history.json()["messages"]) == 2


async def test_a_key_with_another_body_is_refused(ada: httpx.AsyncClient) -> None:
    headers = {"idempotency-key": str(uuid4())}
    await ada.post("/api/v1/chat/", json={"message": "hi"}, headers=headers)
    second = await ada.post("/api/v1/chat/", json={"message": "hello"}, headers=headers)
    assert second.status_code == 422
    assert "Idempotency-Key" in second.json()["detail"]


async def test_two_people_may_use_the_same_key(ada: httpx.AsyncClient, grace: httpx.AsyncClient) -> None:
    headers = {"idempotency-key": str(uuid4())}
    one = await ada.post("/api/v1/chat/", json={"message": "hi"}, headers=headers)
    other = await grace.post("/api/v1/chat/", json={"message": "hi"}, headers=headers)
    assert one.json()["turn_id"] != other.json()["turn_id"]


async def test_requests_with_one_key_at_once_make_one_turn(ada: httpx.AsyncClient) -> None:
    headers = {"idempotency-key": str(uuid4())}
    sent = [
        ada.post("/api/v1/chat/", json={"message": "Which cards do you take?"}, headers=headers)
        for _ in range(8)
    ]
    answers = [response.json() for response in await asyncio.gather(*sent)]
    assert len({answer["turn_id"] for answer in answers}) == 1
    assert all(answer == answers[0] for answer in answers)


async def test_a_conversation_has_one_writer(ada: httpx.AsyncClient) -> None:
    conversation = (await ask(ada, "hi"))["conversation_id"]
    body = {"message": "How long does shipping take?", "conversation_id": conversation}
    answers = await asyncio.gather(*(ada.post("/api/v1/chat/", json=body) for _ in range(6)))
    statuses = sorted(answer.status_code for answer in answers)
    assert set(statuses) <= {200, 409}
    assert 200 in statuses
    history = await ada.get("/api/v1/chat/history", params={"conversation_id": conversation})
    assert len(history.json()["messages"]) == 2 + 2 * statuses.count(200)


async def test_a_reader_that_leaves_does_not_stop_the_turn(ada: httpx.AsyncClient) -> None:
    headers = {"idempotency-key": str(uuid4())}
    body = {"message": "What is your return policy?"}
    async with ada.stream("POST", "/api/v1/chat/stream", json=body, headers=headers) as response:
        async for _ in response.aiter_bytes(16):
            break
    reply = (await ada.post("/api/v1/chat/", json=body, headers=headers)).json()
    assert "30 days" in reply["reply"]["text"]


@pytest.mark.parametrize("point", ["accepted", "before_commit", "after_commit"])
async def test_a_killed_turn_completes_once(
    migrated: Engines, settings: Settings, issuer: Issuer, base_url: str, point: str
) -> None:
    """A process dies by SIGKILL in a turn; another one finishes it; the same key gets the answer."""
    key = str(uuid4())
    body = {"message": "How long does shipping take?"}
    headers = bearer(issuer, f"killed-{point}@example.com") | {"idempotency-key": key}
    with temporary_home() as home:
        process, url = _start_doomed(migrated, settings, Path(home), point)
        await _until_ready(url, process)
        with pytest.raises(httpx.HTTPError):
            async with httpx.AsyncClient(timeout=30) as client:
                await client.post(f"{url}/api/v1/chat/", json=body, headers=headers)
        assert process.wait(10) == -9
    async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=40) as client:
        replied = await client.post("/api/v1/chat/", json=body)
        again = await client.post("/api/v1/chat/stream", json=body)
        assert replied.status_code == 200
        assert "5-7 business days" in replied.json()["reply"]["text"]
        assert parse_events(again.text)[-1]["data"] == replied.json()
        history = (await client.get("/api/v1/chat/history")).json()["messages"]
    assert [message["role"] for message in history] == ["user", "assistant"]


def _start_doomed(
    stores: Engines, settings: Settings, home: Path, point: str
) -> tuple[subprocess.Popen[bytes], str]:
    port = 18000 + os.getpid() % 2000
    assert settings.shop_api_url is not None
    environment = os.environ | {
        "DATABASE_URL": stores.database_url,
        "REDIS_URL": stores.redis_url or "",
        "DESK_HOME": str(home),
        "DESK_MODELS_DIR": str(settings.models_dir),
        "DESK_MASTER_KEY": MASTER_KEY,
        "DESK_SIGNING_KEY_PATH": str(settings.home / "keys" / "issuer.pem"),
        "DESK_SHOP_API_URL": settings.shop_api_url,
        "DESK_PORT": str(port),
        "DESK_CRASH_AT": point,
        "DESK_IN_PROCESS_WORKER": "false",
    }
    process = subprocess.Popen([sys.executable, "-m", "server.cli", "serve"], env=environment)
    return process, f"http://127.0.0.1:{port}"


async def _until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    async with httpx.AsyncClient(timeout=2) as client:
        while time.monotonic() < deadline:
            assert process.poll() is None
            try:
                if (await client.get(f"{url}/api/v1/readyz")).status_code == 200:
                    return
            except httpx.HTTPError:
                await asyncio.sleep(0.1)
    raise AssertionError("the process did not become ready")
