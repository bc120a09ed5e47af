"""A process with more to do than it can turns new turns away at once, and takes them again soon after."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from desk.domain import TenantId, new_id
from desk.errors import Overloaded
from desk.storage.shares import CROWDED, FEW, LONG_SECONDS, Shares
from server.events import Reachable
from server.front import Front
from server.overload import Overload
from tests.server.conftest import served

ONE, OTHER = TenantId(new_id()), TenantId(new_id())


@pytest.fixture
async def overload() -> AsyncIterator[Overload]:
    """Watching this event loop."""
    watch = Overload()
    watch.start(lambda: 0, Shares(1).crowded)
    yield watch
    watch.stop()


def compute(seconds: float) -> None:
    """Use the processor for so long."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


async def be_busy(pieces: int) -> None:
    """Keep the loop busy in pieces of 30 ms, as many turns at once do."""
    for _ in range(pieces):
        await asyncio.sleep(0)
        compute(0.03)


async def be_held_up(pieces: int) -> None:
    """Be as late as that without having computed anything, as where other programs have the processor."""
    for _ in range(pieces):
        await asyncio.sleep(0)
        time.sleep(0.03)  # noqa: ASYNC251 - being held up is what is tested


@contextmanager
def turns_under_way(overload: Overload, count: int) -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(overload.turn())
        yield


async def test_a_loop_that_computes_for_long_refuses_and_recovers(overload: Overload) -> None:
    with turns_under_way(overload, 20):
        await be_busy(10)
        with pytest.raises(Overloaded) as refused:
            overload.check(ONE)
        assert (refused.value.status, refused.value.retry_after) == (429, 1)
        rings = 0
        while overload.refuses and rings < 1000:
            await asyncio.sleep(0.01)
            rings += 1
        assert rings < 1000, "it did not recover"


async def test_with_few_turns_under_way_nobody_is_refused(overload: Overload) -> None:
    with turns_under_way(overload, 16):
        await be_busy(10)
        assert overload.queue > 0.012
        assert not overload.refuses


async def test_a_crowd_that_waits_is_not_held_against_new_turns(overload: Overload) -> None:
    with turns_under_way(overload, 1000):
        await be_held_up(10)
        assert not overload.refuses


async def test_one_long_pause_refuses_nobody(overload: Overload) -> None:
    with turns_under_way(overload, 20):
        for _ in range(5):
            await asyncio.sleep(0.02)
        compute(0.05)
        await asyncio.sleep(0.015)
        assert overload.queue < 0.012


async def test_a_line_before_the_database_refuses() -> None:
    watch = Overload()
    watch.start(lambda: 101, Shares(1).crowded)
    assert watch.refuses
    watch.stop()


@pytest.mark.parametrize(("many", "seconds"), [(CROWDED, 0.0), (FEW + 1, LONG_SECONDS * 1.5)])
async def test_a_line_of_one_tenant_refuses_its_own_turns_alone(many: int, seconds: float) -> None:
    shares, watch = Shares(1), Overload()
    watch.start(lambda: 0, shares.crowded)
    line = [asyncio.create_task(shares.take(ONE, 60)) for _ in range(1 + many)]
    await asyncio.sleep(seconds)
    with pytest.raises(Overloaded):
        watch.check(ONE)
    watch.check(OTHER)
    assert not watch.refuses
    for one in line[FEW + 1 :]:
        one.cancel()
    await asyncio.sleep(0)
    watch.check(ONE)
    watch.stop()
    for one in line:
        one.cancel()
    await asyncio.gather(*line, return_exceptions=True)


async def test_turns_are_refused_at_the_front_and_nothing_else_is() -> None:
    watch = Overload()
    watch.start(lambda: 101, Shares(1).crowded)
    asked: list[str] = []

    async def answer(request: Request) -> Response:
        asked.append(request.url.path)
        return PlainTextResponse("served")

    paths = ("/api/v1/chat/", "/api/v1/elsewhere")
    routes = [Route(path, answer, methods=["GET", "POST"]) for path in paths]
    app = Reachable(Front(Starlette(routes=routes), watch))
    async with served(app) as url, httpx.AsyncClient(base_url=url) as client:
        refused = await client.post("/api/v1/chat/", json={"message": "hi"})
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "1"
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["correlation_id"] == refused.headers["x-correlation-id"]
        assert (await client.get("/api/v1/elsewhere")).text == "served"
    watch.stop()
    assert asked == ["/api/v1/elsewhere"]


async def test_readers_of_streams_that_have_begun_are_no_requests_under_way(overload: Overload) -> None:
    leave = asyncio.Event()

    async def words() -> AsyncIterator[str]:
        yield "begun"
        await leave.wait()

    async def stream(_request: Request) -> Response:
        return StreamingResponse(words())

    routes = [Route("/api/v1/chat/stream", stream, methods=["POST"])]
    app = Reachable(Front(Starlette(routes=routes), overload))
    async with served(app) as url, httpx.AsyncClient(base_url=url) as client, AsyncExitStack() as stack:
        for _ in range(20):
            answer = await stack.enter_async_context(client.stream("POST", "/api/v1/chat/stream"))
            assert await anext(answer.aiter_text()) == "begun"
        await be_busy(10)
        assert overload.queue > 0.012
        assert not overload.refuses
        leave.set()
