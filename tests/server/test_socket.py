"""The chat socket: who may open it, many turns over one connection, cancel, resume, and bad input."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from desk.domain import TenantSettings
from desk.embedded import Engines
from server.auth import SESSION_COOKIE
from server.routes.socket import MOST_NONSENSE
from tests.graphs.speaking import words
from tests.plugins.stores import temporary_home
from tests.server.conftest import bearer
from tests.server.replicas import Replica, new_tenant, replica, replica_settings, spoken

SHOP = "https://shop.example"
NOBODYS = "0198c0de-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
async def place(own_stores: Engines) -> AsyncIterator[Replica]:
    with temporary_home() as home:
        async with replica(replica_settings(own_stores, Path(home), allowed_origins=(SHOP,))) as found:
            yield found


@pytest.fixture
async def slug(place: Replica) -> str:
    return await new_tenant(place)


def address(place: Replica) -> str:
    return place.url.replace("http://", "ws://") + "/api/v1/chat/ws"


def headers(place: Replica, slug: str, email: str = "ann@x.org") -> dict[str, str]:
    return bearer(place.issuer, email, "user", slug)


def token(place: Replica, slug: str) -> str:
    return headers(place, slug)["authorization"].removeprefix("Bearer ")


async def say(socket: ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))


async def hear(socket: ClientConnection) -> dict[str, Any]:
    heard: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 10))
    return heard


async def hear_turn(socket: ClientConnection) -> list[dict[str, Any]]:
    """Events to the last one of the only turn."""
    events = [await hear(socket)]
    while events[-1]["event"] not in ("done", "error"):
        events.append(await hear(socket))
    return events


async def closing_code(socket: ClientConnection) -> int | None:
    """The code with which the other side ends it, whatever it says before."""
    try:
        while True:
            await asyncio.wait_for(socket.recv(), 10)
    except ConnectionClosed:
        return socket.close_code


async def test_a_token_in_the_first_message_opens_it(place: Replica, slug: str) -> None:
    async with connect(address(place)) as socket:
        await say(socket, type="auth", token=token(place, slug))
        await say(socket, type="message", message="say 3 every 0", idempotency_key="k1")
        events = await hear_turn(socket)
    assert [events[0]["event"], events[-1]["event"]] == ["accepted", "done"]
    assert spoken(events) == words(3)
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    assert {event["turn_id"] for event in events} == {events[0]["data"]["turn_id"]}
    assert events[-1]["data"]["reply"]["text"] == words(3)


async def test_the_handshake_may_say_who_it_is(place: Replica, slug: str) -> None:
    cookie = place.issuer.sign(tenant=slug, email="ann@x.org", role="user", seconds=60, typ="session+jwt")
    own = {"cookie": f"{SESSION_COOKIE}={cookie}", "origin": place.url}
    for known in (headers(place, slug), own, own | {"origin": SHOP}):
        async with connect(address(place), additional_headers=known) as socket:
            await say(socket, type="message", message="say 1 every 0", idempotency_key=str(uuid4()))
            assert (await hear_turn(socket))[-1]["event"] == "done"


async def test_a_foreign_page_is_refused_and_a_cookie_without_origin_is_nobody(
    place: Replica, slug: str
) -> None:
    cookie = place.issuer.sign(tenant=slug, email="ann@x.org", role="user", seconds=60, typ="session+jwt")
    stolen = {"cookie": f"{SESSION_COOKIE}={cookie}"}
    for known in (stolen, headers(place, slug)):
        with pytest.raises(InvalidStatus) as refused:
            await connect(address(place), additional_headers=known | {"origin": "https://evil.example"})
        assert refused.value.response.status_code == 403
    async with connect(address(place), additional_headers=stolen) as socket:
        await say(socket, type="message", message="hi", idempotency_key="k")
        assert (await hear(socket))["data"]["status"] == 401
        assert await closing_code(socket) == 1008


@pytest.mark.parametrize("said", ['{"type":"auth","token":"no"}', "nonsense", None])
async def test_who_does_not_say_who_it_is_is_sent_away(place: Replica, said: str | None) -> None:
    began = time.monotonic()
    async with connect(address(place)) as socket:
        if said is not None:
            await socket.send(said)
        problem = await hear(socket)
        assert (problem["id"], problem["event"], problem["data"]["status"]) == (0, "error", 401)
        assert await closing_code(socket) == 1008
    assert time.monotonic() - began < 6


async def test_many_turns_at_once_and_each_in_its_order(place: Replica, slug: str) -> None:
    async with connect(address(place), additional_headers=headers(place, slug)) as socket:
        for count in (3, 4, 5):
            await say(socket, type="message", message=f"say {count} every 0.02", idempotency_key=f"k{count}")
        turns: dict[str, list[dict[str, Any]]] = {}
        while sum(events[-1]["event"] == "done" for events in turns.values()) < 3:
            event = await hear(socket)
            turns.setdefault(event["turn_id"], []).append(event)
    assert sorted(spoken(events) for events in turns.values()) == [words(3), words(4), words(5)]
    for events in turns.values():
        assert [event["id"] for event in events] == list(range(1, len(events) + 1))


async def test_cancel_and_resume(place: Replica, slug: str) -> None:
    async with connect(address(place), additional_headers=headers(place, slug)) as socket:
        await say(socket, type="message", message="say 400 every 0.03", idempotency_key="k")
        seen = [await hear(socket) for _ in range(5)]
    turn, last = seen[0]["turn_id"], seen[-1]["id"]
    async with connect(address(place), additional_headers=headers(place, slug)) as socket:
        await say(socket, type="resume", turn_id=turn, after=last)
        more = [await hear(socket) for _ in range(3)]
        asked = time.monotonic()
        await say(socket, type="cancel", turn_id=turn)
        more += await hear_turn(socket)
        assert time.monotonic() - asked < 1
    assert [event["id"] for event in seen + more] == list(range(1, len(seen + more) + 1))
    assert more[-1]["data"]["title"] == "Cancelled"


async def test_the_same_key_is_the_same_turn(place: Replica, slug: str) -> None:
    async with connect(address(place), additional_headers=headers(place, slug)) as socket:
        found = []
        for _ in range(2):
            await say(socket, type="message", message="say 2 every 0", idempotency_key="same")
            found.append((await hear_turn(socket))[-1]["data"])
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("nonsense", 422),
        ("[]", 422),
        ('{"type":"dance"}', 422),
        ('{"type":"message","message":"hi"}', 422),
        ('{"type":"message","message":"a\\u0000b","idempotency_key":"k"}', 422),
        ('{"type":"message","message":"hi","idempotency_key":"k","role":"system"}', 422),
        ('{"type":"message","message":"  ","idempotency_key":"k"}', 422),
        ('{"type":"message","message":"hi","idempotency_key":"ke\\ny"}', 422),
        ('{"type":"resume","turn_id":"x"}', 422),
        (f'{{"type":"resume","turn_id":"{NOBODYS}"}}', 404),
        (f'{{"type":"cancel","turn_id":"{NOBODYS}"}}', 404),
        (f'{{"type":"message","message":"hi","idempotency_key":"k","conversation_id":"{NOBODYS}"}}', 404),
        (b"\x00\x01", 422),
    ],
)
async def test_bad_input_is_told_and_the_socket_lives(
    place: Replica, slug: str, said: str | bytes, status: int
) -> None:
    async with connect(address(place), additional_headers=headers(place, slug)) as socket:
        await socket.send(said)
        problem = await hear(socket)
        assert (problem["id"], problem["event"], problem["data"]["status"]) == (0, "error", status)
        await say(socket, type="message", message="say 1 every 0", idempotency_key="good")
        assert (await hear_turn(socket))[-1]["event"] == "done"


async def left(place: Replica, known: dict[str, str]) -> int:
    """How many requests the caller has left in this minute, after the one that asks."""
    async with httpx.AsyncClient(base_url=place.url, headers=known) as client:
        told = (await client.get("/api/v1/me")).headers["ratelimit"]
    return int(told.partition('"minute";r=')[2].partition(";")[0])


async def test_nonsense_counts_as_requests_and_much_of_it_ends_the_socket(place: Replica, slug: str) -> None:
    known = headers(place, slug)
    before = await left(place, known)
    async with connect(address(place), additional_headers=known) as socket:
        for number in range(MOST_NONSENSE):
            await socket.send("nonsense" if number % 2 else b"\x00")
        told = [(await hear(socket))["data"]["status"] for _ in range(MOST_NONSENSE)]
        assert told == [422] * (MOST_NONSENSE - 1) + [429]
        assert await closing_code(socket) == 1008
    assert before - await left(place, known) == MOST_NONSENSE + 1


async def test_who_has_no_requests_left_is_sent_away_at_the_first_nonsense(place: Replica) -> None:
    slug = await new_tenant(place, TenantSettings(rate_limit_per_minute=3))
    async with connect(address(place), additional_headers=headers(place, slug)) as socket:
        for _ in range(4):
            await socket.send("nonsense")
        assert [(await hear(socket))["data"]["status"] for _ in range(4)] == [422, 422, 422, 429]
        assert await closing_code(socket) == 1008


async def test_a_bad_token_is_told_at_once(place: Replica, slug: str) -> None:
    async with connect(address(place), additional_headers=headers(place, slug)) as socket:
        await say(socket, type="auth", token="no")
        assert (await hear(socket))["data"]["status"] == 401
        await say(socket, type="auth", token=token(place, slug))
        await say(socket, type="message", message="say 1 every 0", idempotency_key="good")
        assert (await hear_turn(socket))[-1]["event"] == "done"


async def test_somebody_elses_turn_is_unknown(place: Replica, slug: str) -> None:
    async with connect(address(place), additional_headers=headers(place, slug)) as socket:
        await say(socket, type="message", message="say 60 every 0.05", idempotency_key="k")
        turn = (await hear(socket))["turn_id"]
        eve = headers(place, slug, "eve@x.org")
        async with connect(address(place), additional_headers=eve) as other:
            for kind in ("resume", "cancel"):
                await say(other, type=kind, turn_id=turn)
                told = await hear(other)
                assert (told["data"]["status"], told["turn_id"]) == (404, turn)
        await say(socket, type="cancel", turn_id=turn)
        assert (await hear_turn(socket))[-1]["data"]["title"] == "Cancelled"


async def test_a_huge_message_ends_it(place: Replica, slug: str) -> None:
    async with connect(address(place), additional_headers=headers(place, slug)) as socket:
        await say(socket, type="message", message="x" * 70_000, idempotency_key="k")
        assert await closing_code(socket) == 1009


async def test_a_socket_carries_so_many_turns(place: Replica, slug: str) -> None:
    async with connect(address(place), additional_headers=headers(place, slug)) as socket:
        for number in range(9):
            await say(socket, type="message", message="say 20 every 0.05", idempotency_key=f"n{number}")
        while True:
            event = await hear(socket)
            if event["event"] == "error":
                break
        assert (event["data"]["status"], event["idempotency_key"]) == (409, "n8")
