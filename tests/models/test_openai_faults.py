"""Every misbehaviour of a model's server ends in a typed error, in time, with nothing left open."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing

import openai
import pytest
from langchain_core.exceptions import (
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelRateLimitError,
    ModelTimeoutError,
)
from langchain_openai import StreamChunkTimeoutError

from desk.errors import Misconfigured
from desk.models.catalog import ModelSpec
from desk.models.openai import GuardedChatOpenAI, open_openai
from desk.models.port import Finished, ModelEvent, ModelFailed, ModelRequest, TextDelta, Timeouts
from tests.servers.openai_wire import Fault, Reply, Wire, openai_wire, refuse, say

SPEC = ModelSpec("local-model", "openai", external=False, context_window=4096)
SHORT = Timeouts(connect=0.5, first_token=0.35, between_tokens=0.3, total=0.7)
QUESTION = ModelRequest(({"role": "user", "content": "Where is my order?"},))
# Every time-out of SHORT, and room for a busy machine.
BOUND_SECONDS = 2.5


def nothing(_body: bytes) -> None:
    """A guard that has no objection."""


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with openai_wire() as running:
        yield running


@pytest.fixture
async def model(wire: Wire) -> AsyncIterator[GuardedChatOpenAI]:
    opened = await asyncio.to_thread(open_openai, SPEC, api_key=None, base_url=wire.base_url, times=SHORT)
    yield opened
    await opened.aclose()


async def collect(model: GuardedChatOpenAI) -> list[ModelEvent]:
    async with aclosing(model.stream_request(QUESTION, guard=nothing)) as events:
        return [event async for event in events]


async def collect_langchain(model: GuardedChatOpenAI) -> list[str]:
    return [chunk.text async for chunk in model.astream("Where is my order?")]


BROKEN: list[tuple[Reply, str]] = [
    (say("Hel", fault=Fault.HANG_BEFORE_HEADERS), "silent"),
    (say("Hel", fault=Fault.CUT_BEFORE_HEADERS), "cut"),
    (say("Hel", fault=Fault.WRONG_CONTENT_TYPE), "malformed"),
    (say(fault=Fault.HANG_MID_STREAM), "silent"),
    (say("Hel", fault=Fault.HANG_MID_STREAM), "silent"),
    (say("Hel", fault=Fault.KEEPALIVES_ONLY), "silent"),
    (say("Hel", fault=Fault.EMPTY_DELTAS), "silent"),
    (say("Hel", fault=Fault.CUT_MID_STREAM), "cut"),
    (say("Hel", fault=Fault.ENDED_EARLY), "cut"),
    (say("Hel", fault=Fault.MALFORMED_JSON), "malformed"),
    (say("Hel", fault=Fault.NOT_AN_OBJECT), "malformed"),
    (say("Hel", fault=Fault.NOT_A_CHOICE), "malformed"),
    (say("Hel", fault=Fault.ERROR_IN_STREAM), "error"),
    (say("Hel", fault=Fault.HUGE_CHUNK), "malformed"),
    (say("Hel", fault=Fault.ENDLESS), "timeout"),
    (say("a", "b", "c", pause=0.5), "silent"),
    (refuse(429, retry_after=7), "busy"),
    (refuse(500), "error"),
    (refuse(503), "error"),
    (refuse(400), "rejected"),
    (refuse(302), "rejected"),
]


def name_of(case: object) -> str:
    if isinstance(case, Reply):
        return str(case.fault or case.status)
    return str(case)


def is_of_a_model(task: asyncio.Task[object]) -> bool:
    """Whether a task runs our model code or its HTTP client; others belong to servers of other tests."""
    return any(place in repr(task) for place in ("/desk/models/", "/httpx2/", "/openai/"))


@pytest.mark.parametrize(("reply", "reason"), BROKEN, ids=name_of)
async def test_a_broken_stream_is_named_in_time_and_closed(
    wire: Wire, model: GuardedChatOpenAI, reply: Reply, reason: str
) -> None:
    tasks = asyncio.all_tasks()
    wire.script([reply])
    started = time.monotonic()

    with pytest.raises(ModelFailed) as failure:
        await collect(model)

    assert failure.value.reason == reason
    assert time.monotonic() - started < BOUND_SECONDS
    await wire.hung_up()
    assert not [task for task in asyncio.all_tasks() - tasks if is_of_a_model(task)]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (say("Hel", fault=Fault.HANG_BEFORE_HEADERS), StreamChunkTimeoutError),
        (say("Hel", fault=Fault.HANG_MID_STREAM), StreamChunkTimeoutError),
        (say("Hel", fault=Fault.ENDLESS), ModelTimeoutError),
        (say("Hel", fault=Fault.CUT_MID_STREAM), ModelConnectionError),
        (say("Hel", fault=Fault.CUT_BEFORE_HEADERS), ModelConnectionError),
        (say("Hel", fault=Fault.ERROR_IN_STREAM), openai.APIError),
        (say("Hel", fault=Fault.MALFORMED_JSON), openai.APIError),
        (refuse(400), ModelInvalidRequestError),
        (refuse(401), ModelAuthenticationError),
        (refuse(404), ModelNotFoundError),
        (refuse(429), ModelRateLimitError),
        (refuse(500), ModelAPIError),
    ],
    ids=name_of,
)
async def test_langchain_callers_get_langchains_errors(
    wire: Wire, model: GuardedChatOpenAI, reply: Reply, kind: type[Exception]
) -> None:
    wire.script([reply])
    with pytest.raises(kind):
        await collect_langchain(model)
    await wire.hung_up()


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_refused_key_or_name_says_what_to_check(
    wire: Wire, model: GuardedChatOpenAI, status: int
) -> None:
    wire.script([refuse(status)])
    with pytest.raises(Misconfigured, match=r"check (OPENAI_API_KEY|DESK_OPENAI_MODEL)"):
        await collect(model)


async def test_retry_after_is_passed_on(wire: Wire, model: GuardedChatOpenAI) -> None:
    wire.script([refuse(429, retry_after=2.5)])
    with pytest.raises(ModelFailed) as failure:
        await collect(model)
    assert failure.value.model_back_in == 2.5


async def test_no_server_at_all(model: GuardedChatOpenAI) -> None:
    async with openai_wire() as gone:
        address = gone.base_url
    orphan = await asyncio.to_thread(open_openai, SPEC, api_key=None, base_url=address, times=SHORT)
    with pytest.raises(ModelFailed) as failure:
        await collect(orphan)
    assert failure.value.reason == "connect"
    with pytest.raises(ModelConnectionError):
        await collect_langchain(orphan)
    await orphan.aclose()


@pytest.mark.parametrize("fault", [Fault.MISSING_DONE, Fault.HANG_AFTER_FINISH])
async def test_an_answer_that_ended_counts_even_if_its_stream_does_not(
    wire: Wire, model: GuardedChatOpenAI, fault: Fault
) -> None:
    wire.script([say("Hel", "lo", usage=None, fault=fault)])
    *_, last = await collect(model)
    assert isinstance(last, Finished)
    assert last.text == "Hello"
    assert last.usage_estimated
    assert last.usage.completion_tokens > 0
    await wire.hung_up()


async def test_an_empty_answer_is_a_failure(wire: Wire, model: GuardedChatOpenAI) -> None:
    wire.script([say(), say(fault=Fault.EMPTY_CHOICES)])
    for _ in range(2):
        with pytest.raises(ModelFailed) as failure:
            await collect(model)
        assert failure.value.reason == "empty"


async def test_characters_split_between_packets_arrive_whole(wire: Wire, model: GuardedChatOpenAI) -> None:
    wire.script([say("Grüß", " dich 👋🏽", " 你好", fault=Fault.SPLIT_UTF8)])
    events = await collect(model)
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["Grüß", " dich 👋🏽", " 你好"]


async def test_leaving_the_stream_closes_the_upstream_at_once(wire: Wire, model: GuardedChatOpenAI) -> None:
    wire.script([say("Hel", fault=Fault.ENDLESS)])
    async with aclosing(model.stream_request(QUESTION, guard=nothing)) as events:
        assert "Hel" in str(await anext(events))
    await wire.hung_up(1.0)


@pytest.mark.parametrize("fault", [Fault.HANG_BEFORE_HEADERS, Fault.HANG_MID_STREAM, Fault.ENDLESS])
async def test_cancelling_closes_the_upstream_at_once(
    wire: Wire, model: GuardedChatOpenAI, fault: Fault
) -> None:
    wire.script([say("Hel", fault=fault)])
    asking = asyncio.create_task(collect(model))
    await wire.asked()
    await asyncio.sleep(0.05)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await wire.hung_up(1.0)
