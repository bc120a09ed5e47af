"""A watch ends what waits too long, and holds nobody's own lateness against the other side."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from desk.models.watch import Watch

SOON, LATER = 0.05, 30.0


@pytest.fixture
async def watch() -> AsyncIterator[Watch]:
    found = Watch(asyncio.get_running_loop().time() + SOON)
    yield found
    found.close()


async def said(text: str, seconds: float) -> str:
    await asyncio.sleep(seconds)
    return text


async def test_what_comes_in_time_is_given(watch: Watch) -> None:
    assert [await watch.wait(said("a", 0)), await watch.wait(said("b", 0.01))] == ["a", "b"]


async def test_what_does_not_come_is_left_and_so_is_what_is_asked_after(watch: Watch) -> None:
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await watch.wait(said("never", LATER))
    assert await watch.wait(said("there already", 0)) == "there already"
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_the_moment_may_be_put_off(watch: Watch) -> None:
    waiting = asyncio.create_task(watch.wait(said("at last", SOON * 8)))
    await asyncio.sleep(0)
    watch.until += LATER
    assert await waiting == "at last"


async def test_what_came_while_this_process_was_held_up_counts(watch: Watch) -> None:
    there, here = await asyncio.open_connection(*await _speaker())
    time.sleep(SOON * 3)  # noqa: ASYNC251 - being held up is what is tested
    assert await watch.wait(there.readline()) == b"hello\n"
    here.close()


async def test_somebody_elses_cancel_goes_on(watch: Watch) -> None:
    waiting = asyncio.create_task(watch.wait(said("never", LATER)))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_failure_of_the_work_goes_on(watch: Watch) -> None:
    async def fail() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await watch.wait(fail())


async def _speaker() -> tuple[str, int]:
    """The address of a server that says one line to whoever comes."""

    async def speak(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    return host, port
