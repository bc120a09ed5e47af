"""A local model in its own process loads, streams, is cancelled, crashes and comes back."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from desk.errors import InvalidInput, Misconfigured
from desk.models import llama_process
from desk.models.catalog import ModelSpec
from desk.models.llama_cpp import LlamaChat, open_llama
from desk.models.port import Finished, ModelEvent, ModelFailed, ModelRequest, TextDelta, Timeouts
from tests.models.tiny_gguf import write_tiny_model

pytestmark = pytest.mark.extras
SPEC = ModelSpec("tiny", "llama_cpp", False, 4096, tools=False)
LONG = ModelRequest(({"role": "user", "content": "Say something."},), max_tokens=3500, temperature=1.0)
SHORT = ModelRequest(({"role": "user", "content": "Grüße ✓"},), max_tokens=24, temperature=1.0)


def nothing(_body: bytes) -> None:
    """A guard that has no objection."""


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture
async def model(file: Path) -> AsyncIterator[LlamaChat]:
    opened = open_llama(SPEC, file)
    yield opened
    await opened.aclose()


async def collect(model: LlamaChat, request: ModelRequest = SHORT) -> list[ModelEvent]:
    async with aclosing(model.stream_request(request, guard=nothing)) as events:
        return [event async for event in events]


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_it_streams_text_and_counts_tokens(model: LlamaChat) -> None:
    *deltas, last = await collect(model)
    assert isinstance(last, Finished)
    assert deltas
    assert all(isinstance(event, TextDelta) and event.text for event in deltas)
    assert last.text == "".join(event.text for event in deltas if isinstance(event, TextDelta))
    assert last.usage.prompt_tokens > 10
    assert 0 < last.usage.completion_tokens <= 26
    assert not last.usage_estimated


async def test_it_is_a_langchain_chat_model(model: LlamaChat) -> None:
    message = await model.ainvoke("Grüße", max_tokens=12, temperature=1.0)
    assert message.text
    assert message.usage_metadata is not None
    pieces = [chunk.text async for chunk in model.astream("Grüße", max_tokens=12)]
    assert len(pieces) > 1
    with pytest.raises(InvalidInput, match="ainvoke"):
        model.invoke("hi")


async def test_leaving_cancels_and_the_same_process_answers_the_next(model: LlamaChat) -> None:
    async with aclosing(model.stream_request(LONG, guard=nothing)) as events:
        assert isinstance(await anext(events), TextDelta)
    pid = model.process.pid
    started = time.monotonic()
    assert isinstance((await collect(model))[-1], Finished)
    assert model.process.pid == pid
    assert time.monotonic() - started < llama_process.CANCEL_SECONDS


async def test_cancelling_reaches_a_prompt_that_is_still_read(model: LlamaChat) -> None:
    await model.warm()
    pid = model.process.pid
    long = ModelRequest(({"role": "user", "content": "word " * 500},), max_tokens=50)
    asking = asyncio.create_task(collect(model, long))
    await asyncio.sleep(0.02)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert isinstance((await collect(model))[-1], Finished)
    assert model.process.pid == pid


async def test_two_at_once_wait_for_each_other(model: LlamaChat) -> None:
    answers = await asyncio.gather(*(collect(model) for _ in range(3)))
    assert all(isinstance(answer[-1], Finished) for answer in answers)


async def test_whoever_waits_too_long_is_told(file: Path) -> None:
    model = open_llama(SPEC, file)
    hasty = model.model_copy(update={"times": Timeouts(first_token=0.05)})
    async with aclosing(model.stream_request(LONG, guard=nothing)) as events:
        await anext(events)
        with pytest.raises(ModelFailed) as failure:
            await collect(hasty)
    assert failure.value.reason == "busy"
    await model.aclose()


async def test_a_crash_is_named_and_the_next_question_starts_a_new_process(model: LlamaChat) -> None:
    async with aclosing(model.stream_request(LONG, guard=nothing)) as events:
        await anext(events)
        pid = model.process.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(ModelFailed) as failure:
            async for _ in events:
                pass
    assert failure.value.reason == "crashed"
    assert isinstance((await collect(model))[-1], Finished)
    assert model.process.pid not in (None, pid)


async def test_a_process_that_hangs_is_killed_and_replaced(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llama_process, "CANCEL_SECONDS", 0.1)
    model = open_llama(SPEC, file)
    hasty = model.model_copy(update={"times": Timeouts(between_tokens=0.3)})
    await model.warm()
    pid = model.process.pid
    assert pid is not None
    async with aclosing(hasty.stream_request(LONG, guard=nothing)) as events:
        await anext(events)
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(ModelFailed) as failure:
            async for _ in events:
                pass
    assert failure.value.reason == "silent"
    assert isinstance((await collect(model))[-1], Finished)
    assert gone(pid)
    await model.aclose()


async def test_closing_ends_the_process(file: Path) -> None:
    model = open_llama(SPEC, file)
    await model.warm()
    pid = model.process.pid
    assert pid is not None
    await model.aclose()
    assert gone(pid)


async def test_a_prompt_that_does_not_fit_is_rejected_and_harms_nothing(model: LlamaChat) -> None:
    long = ModelRequest(({"role": "user", "content": "word " * 2000},))
    with pytest.raises(ModelFailed) as failure:
        await collect(model, long)
    assert failure.value.reason == "rejected"
    pid = model.process.pid
    assert isinstance((await collect(model))[-1], Finished)
    assert model.process.pid == pid


async def test_tools_are_refused_aloud(model: LlamaChat) -> None:
    with pytest.raises(InvalidInput, match="tools"):
        await collect(model, ModelRequest(LONG.messages, ({"type": "function"},)))


async def test_a_broken_file_says_so(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + b"\x00" * 64)
    model = open_llama(SPEC, broken)
    with pytest.raises(Misconfigured, match="does not load"):
        await collect(model)
    with pytest.raises(Misconfigured, match="does not load"):
        await model.warm()
    await model.aclose()
