"""Streams survive: other replicas, a lost Redis, slow readers; turns are steered: cancel, second messages."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import uuid4

import httpx
import pytest
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from desk.domain import ConversationId, TenantSettings, TurnId
from desk.embedded import Engines
from desk.events import Done, Token
from graphs.streams.turn_stream import IDS_PER_RUN, TurnStream
from server.events import Reachable, event_stream
from server.front import Front
from server.overload import Overload
from tests.graphs.speaking import CLOSED, words
from tests.server.conftest import served
from tests.server.replicas import (
    Replica,
    begun,
    flush,
    frozen,
    new_tenant,
    next_events,
    redis_pid,
    rest_of,
    resume,
    spoken,
    two_replicas,
    until,
)
from tests.server.wire import read_events

SLOW = "say 12 every 0.05"
FOLLOWED = 15


@pytest.fixture(scope="module")
async def pair(own_stores: Engines) -> AsyncIterator[tuple[Replica, Replica]]:
    """Two replicas on one database and one Redis."""
    async with two_replicas(own_stores) as both:
        yield both


@pytest.fixture
async def ann(pair: tuple[Replica, Replica]) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
    """A customer's clients of both replicas."""
    tenant = await new_tenant(pair[0])
    async with pair[0].client("ann@x.org", tenant) as one, pair[1].client("ann@x.org", tenant) as other:
        yield one, other


Clients = tuple[httpx.AsyncClient, httpx.AsyncClient]


def ids(events: list[dict[str, object]]) -> list[object]:
    return [event["id"] for event in events]


async def test_a_dropped_reader_resumes_here_and_elsewhere(ann: Clients) -> None:
    one, other = ann
    async with begun(one, SLOW, tokens=3) as (turn, lines):
        here, there = await asyncio.gather(
            resume(one, turn.turn_id, turn.last_id), resume(other, turn.turn_id, turn.last_id)
        )
        whole = turn.events + await rest_of(lines)
    assert turn.events + here == whole
    assert turn.events + there == whole
    assert ids(whole) == list(range(1, len(whole) + 1))
    assert spoken(whole) == words(12)
    assert whole[-1]["event"] == "done"


async def test_a_finished_turn_is_read_again_with_its_events(ann: Clients) -> None:
    one, other = ann
    async with begun(one, "say 3 every 0") as (turn, lines):
        whole = turn.events + await rest_of(lines)
    assert await resume(other, turn.turn_id) == whole
    assert await resume(one, turn.turn_id, 2) == whole[2:]
    headers = {"last-event-id": str(whole[-1]["id"])}
    over = await one.get(f"/api/v1/turns/{turn.turn_id}/events", headers=headers)
    assert over.status_code == 204


async def test_events_lie_sealed_in_redis(own_stores: Engines, ann: Clients) -> None:
    async with begun(ann[0], "say 3 every 0") as (turn, lines):
        await rest_of(lines)
    await resume(ann[1], turn.turn_id)
    assert own_stores.redis_url is not None
    async with Redis.from_url(own_stores.redis_url) as redis:
        [key] = await redis.keys(f"t:*:turn:{turn.turn_id}")
        entries = await redis.xrange(key)
        assert entries
        assert b"word1" not in repr(entries).encode()
        assert 0 < await redis.ttl(key) <= 600


@pytest.mark.parametrize("when", ["in the middle", "after the end"])
async def test_with_redis_lost_the_reader_gets_the_whole_answer(
    own_stores: Engines, ann: Clients, when: str
) -> None:
    one, other = ann
    async with begun(one, "say 40 every 0.05", tokens=2) as (turn, lines):
        if when == "in the middle":
            later = asyncio.create_task(resume(other, turn.turn_id, turn.last_id))
            await asyncio.sleep(0.7)
            await flush(own_stores)
            await rest_of(lines)
        else:
            await rest_of(lines)
            await asyncio.sleep(0.2)
            await flush(own_stores)
            later = asyncio.create_task(resume(other, turn.turn_id, turn.last_id))
    late = await later
    assert late[-1]["event"] == "done"
    if when == "after the end":  # in the middle a reader who had kept up has lost nothing
        assert late[-2]["event"] == "revise"
    assert spoken(turn.events + late) == words(40)
    assert ids(late) == sorted(set(ids(late)))  # type: ignore[type-var]
    assert late[0]["id"] > turn.last_id


async def test_however_many_turns_are_followed_redis_is_asked_for_all_at_once(
    own_stores: Engines, pair: tuple[Replica, Replica]
) -> None:
    tenant = await new_tenant(pair[0])
    async with pair[0].client("eve@x.org", tenant) as one, pair[1].client("eve@x.org", tenant) as other:
        before, began = await _asked(own_stores), time.monotonic()
        read = await asyncio.gather(*(_read_elsewhere(one, other) for _ in range(FOLLOWED)))
        took = time.monotonic() - began
        asked = await _asked(own_stores) - before
    assert [spoken(events) for events in read] == [words(30)] * FOLLOWED
    # One process reads ten times a second, and once more for each turn's end.
    assert asked <= 10 * took + 3 * FOLLOWED + 5
    assert asked < FOLLOWED * 10


async def _read_elsewhere(one: httpx.AsyncClient, other: httpx.AsyncClient) -> list[dict[str, object]]:
    async with begun(one, "say 30 every 0.1") as (turn, _):
        return await resume(other, turn.turn_id)


async def _asked(stores: Engines) -> int:
    """How often Redis was asked for news of turns since it began."""
    assert stores.redis_url is not None
    async with Redis.from_url(stores.redis_url) as redis:
        return int((await redis.info("commandstats")).get("cmdstat_xread", {}).get("calls", 0))


async def test_who_left_in_the_middle_of_a_looked_up_end_is_told_the_rest_of_it_anywhere(
    own_stores: Engines, ann: Clients
) -> None:
    """The run's own events are still there at its replica; they must not come on top of the whole answer."""
    one, other = ann
    async with begun(one, "say 12 every 0.1", tokens=2) as (turn, lines):
        await flush(own_stores)
        with frozen(await redis_pid(own_stores)):
            whole = await rest_of(lines)
            revised, done = await resume(other, turn.turn_id, turn.last_id)
    assert (revised["event"], done["event"]) == ("revise", "done")
    assert done["data"] == whole[-1]["data"]
    for client in ann:
        assert await resume(client, turn.turn_id, revised["id"]) == [done]
        headers = {"last-event-id": str(done["id"])}
        over = await client.get(f"/api/v1/turns/{turn.turn_id}/events", headers=headers)
        assert over.status_code == 204


async def test_the_same_key_elsewhere_is_told_first_that_the_turn_was_accepted(
    own_stores: Engines, ann: Clients
) -> None:
    one, other = ann
    key = {"idempotency-key": str(uuid4())}
    body = {"message": "say 20 every 0.1"}
    async with one.stream("POST", "/api/v1/chat/stream", json=body, headers=key) as response:
        lines = response.aiter_lines()
        [accepted] = await next_events(lines)
        await flush(own_stores)
        with frozen(await redis_pid(own_stores)):
            again = await read_events(other, body, key)
            await rest_of(lines)
    assert again[0] == accepted
    assert [event["event"] for event in again] == ["accepted", "revise", "done"]
    assert spoken(again) == words(20)


async def test_a_frozen_redis_stops_neither_turn_nor_reader(own_stores: Engines, ann: Clients) -> None:
    one, other = ann
    pid = await redis_pid(own_stores)
    async with begun(one, "hello") as (_, lines):
        usual = await rest_of(lines)
    with frozen(pid):
        began = time.monotonic()
        async with begun(one, SLOW, tokens=2) as (turn, lines):
            late, live = await asyncio.gather(resume(other, turn.turn_id, turn.last_id), rest_of(lines))
        took = time.monotonic() - began
    assert live[-1]["event"] == "done" == usual[-1]["event"]
    assert spoken(turn.events + late) == words(12) == spoken(turn.events + live)
    assert took < 12 * 0.05 + 2.5


async def test_nobody_reads_or_cancels_a_turn_of_somebody_else(
    pair: tuple[Replica, Replica], ann: Clients
) -> None:
    async with begun(ann[0], "say 3 every 0") as (turn, lines):
        await rest_of(lines)
    stranger = pair[0].client("eve@x.org", await new_tenant(pair[0]))
    async with stranger:
        for turn_id in (turn.turn_id, str(uuid4())):
            read = await stranger.get(f"/api/v1/turns/{turn_id}/events")
            stop = await stranger.post(f"/api/v1/turns/{turn_id}/cancel")
            assert (read.status_code, stop.status_code) == (404, 404)
    bad = await ann[0].get(f"/api/v1/turns/{turn.turn_id}/events", headers={"last-event-id": "-1"})
    assert bad.status_code == 422


@pytest.mark.parametrize("where", [0, 1], ids=["on its process", "on another replica"])
async def test_a_cancelled_turn_stops_at_once_and_keeps_what_was_said(ann: Clients, where: int) -> None:
    async with begun(ann[0], "say 400 every 0.05", tokens=3) as (turn, lines):
        asked = time.monotonic()
        answer = await ann[where].post(f"/api/v1/turns/{turn.turn_id}/cancel")
        assert (answer.status_code, answer.json()["state"]) == (202, "accepted")
        rest = await rest_of(lines)
    assert CLOSED[turn.turn_id] - asked < 1.0
    assert rest[-1]["event"] == "error"
    assert (rest[-1]["data"]["status"], rest[-1]["data"]["title"]) == (499, "Cancelled")
    shown = spoken(turn.events + rest)
    history = await ann[1].get("/api/v1/chat/history", params={"conversation_id": turn.conversation_id})
    said = [(message["role"], message["text"]) for message in history.json()["messages"]]
    assert said == [("user", "say 400 every 0.05"), ("assistant", shown)]
    again = await ann[1].post(f"/api/v1/turns/{turn.turn_id}/cancel")
    assert again.json()["state"] == "cancelled"
    body = {"message": "say 1 every 0", "conversation_id": turn.conversation_id}
    assert (await ann[1].post("/api/v1/chat/", json=body)).status_code == 200


async def test_a_busy_conversation_refuses_a_second_message(ann: Clients) -> None:
    async with begun(ann[0], SLOW) as (turn, _):
        body = {"message": "say 1 every 0", "conversation_id": turn.conversation_id}
        assert (await ann[1].post("/api/v1/chat/", json=body)).status_code == 409


async def double_texter(pair: tuple[Replica, Replica], how: str) -> Clients:
    settings = TenantSettings(double_texting=how)  # type: ignore[arg-type]
    tenant = await new_tenant(pair[0], settings)
    return pair[0].client("ann@x.org", tenant), pair[1].client("ann@x.org", tenant)


async def test_messages_wait_for_their_order(pair: tuple[Replica, Replica]) -> None:
    one, other = await double_texter(pair, "enqueue")
    async with one, other, begun(one, SLOW) as (turn, lines):
        async with AsyncExitStack() as stack:
            later = {}
            for client, count in ((one, 2), (other, 3), (one, 4)):
                message = f"say {count} every 0.02"
                again = begun(client, message, conversation_id=turn.conversation_id)
                later[count] = await stack.enter_async_context(again)
            assert spoken(turn.events + await rest_of(lines)) == words(12)
            for count, (waiting, more) in later.items():
                events = waiting.events + await rest_of(more)
                assert [events[0]["event"], events[-1]["event"]] == ["accepted", "done"]
                assert spoken(events) == words(count)
        history = await one.get("/api/v1/chat/history", params={"conversation_id": turn.conversation_id})
        asked = [message["text"] for message in history.json()["messages"] if message["role"] == "user"]
        assert asked == [SLOW, *(f"say {count} every 0.02" for count in (2, 3, 4))]


async def test_too_many_waiting_messages_are_refused_and_a_waiting_one_is_withdrawn(
    pair: tuple[Replica, Replica],
) -> None:
    one, other = await double_texter(pair, "enqueue")
    async with one, other, begun(one, "say 60 every 0.05") as (turn, lines):
        body = {"message": "say 1 every 0", "conversation_id": turn.conversation_id}
        async with begun(other, **body) as (waiting, waiting_lines):  # type: ignore[arg-type]
            rest = [asyncio.create_task(one.post("/api/v1/chat/", json=body)) for _ in range(7)]
            await asyncio.sleep(0.3)
            assert (await one.post("/api/v1/chat/", json=body)).status_code == 409
            gone = await one.post(f"/api/v1/turns/{waiting.turn_id}/cancel")
            assert gone.json()["state"] == "cancelled"
            assert (await rest_of(waiting_lines))[-1]["data"]["title"] == "Cancelled"
        await one.post(f"/api/v1/turns/{turn.turn_id}/cancel")
        assert [answer.status_code for answer in await asyncio.gather(*rest)] == [200] * 7
        await rest_of(lines)


@pytest.mark.parametrize("where", [0, 1], ids=["on its process", "on another replica"])
async def test_a_second_message_interrupts_the_first(pair: tuple[Replica, Replica], where: int) -> None:
    clients = await double_texter(pair, "interrupt")
    async with clients[0], clients[1], begun(clients[0], "say 400 every 0.05", tokens=2) as (turn, lines):
        body = {"message": "say 2 every 0", "conversation_id": turn.conversation_id}
        sent = time.monotonic()
        answer = await clients[where].post("/api/v1/chat/", json=body)
        assert answer.json()["reply"]["text"] == words(2)
        assert time.monotonic() - sent < 3
        rest = await rest_of(lines)
        assert rest[-1]["data"]["title"] == "Cancelled"
        history = await clients[1].get(
            "/api/v1/chat/history", params={"conversation_id": turn.conversation_id}
        )
        said = [message["text"] for message in history.json()["messages"]]
    assert said == ["say 400 every 0.05", spoken(turn.events + rest), "say 2 every 0", words(2)]


async def test_a_reader_that_takes_nothing_is_dropped_and_may_come_back() -> None:
    stream = TurnStream(TurnId(uuid4()), ConversationId(uuid4()))

    async def read(request: Request) -> Response:
        return event_stream(stream, int(request.query_params["after"]), stalled_seconds=0.6)

    async with served(Reachable(Front(Starlette(routes=[Route("/", read)]), Overload()))) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(slow, (host, int(port)))
            await loop.sock_sendall(slow, b"GET /?after=0 HTTP/1.1\r\nhost: x\r\n\r\n")
            for _ in range(400):
                stream.publish(Token("x" * 20_000))
                await asyncio.sleep(0)

            async def dropped() -> bool:
                return stream.readers == 0

            assert await until(dropped, 5) >= 0.5
            assert not stream.ended
            taken = 0
            while piece := await asyncio.wait_for(loop.sock_recv(slow, 1 << 20), 5):
                taken += len(piece)
            assert taken < 400 * 20_000
        stream.publish(Done({}))
        async with httpx.AsyncClient(base_url=url) as client:
            assert (await client.get("/", params={"after": 399})).text.count("event: ") == 2


async def test_ids_of_a_later_run_are_far_above_and_begin_with_an_empty_revise() -> None:
    stream = TurnStream(TurnId(uuid4()), ConversationId(uuid4()))
    stream.publish(Token("never "))
    stream.begin_run(2)
    stream.publish(Done({}))
    found = [(number, event.name) async for number, event in stream.read()]
    assert found == [(1, "token"), (IDS_PER_RUN + 1, "revise"), (IDS_PER_RUN + 2, "done")]
    assert found[1][0] - found[0][0] >= 1000
