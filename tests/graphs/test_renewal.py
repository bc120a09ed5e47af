"""A lease renewal that no longer finds a turn: once may be its commit, twice means that it is lost."""

from __future__ import annotations

import asyncio

import pytest

from desk.domain import ConversationId, SubjectId, TenantId, TurnId, new_id
from desk.storage.turns import Claim
from graphs.runtime.runner import TurnRunner
from graphs.runtime.running import Running
from graphs.services import Services
from graphs.streams.turn_stream import TurnStream


@pytest.fixture
def runner(bookshop: Services) -> TurnRunner:
    return TurnRunner(bookshop, on_end=lambda *_: None)


async def running_turn(runner: TurnRunner) -> Running:
    claim = Claim(TurnId(new_id()), TenantId(new_id()), ConversationId(new_id()), SubjectId(new_id()), 1, 1)
    running = Running.begin(claim, TurnStream(claim.turn_id, claim.conversation_id), 60.0)
    running.task = asyncio.create_task(asyncio.sleep(30))
    runner._running[claim.turn_id] = running
    return running


async def test_a_turn_that_was_missed_once_goes_on(runner: TurnRunner) -> None:
    running = await running_turn(runner)
    runner._heed(running.claim, {})
    await asyncio.sleep(0)
    assert not running.task.cancelled()
    assert not running.task.cancelling()
    running.task.cancel()


async def test_a_turn_that_is_lost_is_stopped(runner: TurnRunner) -> None:
    running = await running_turn(runner)
    runner._heed(running.claim, {})
    runner._heed(running.claim, {})
    with pytest.raises(asyncio.CancelledError):
        await running.task
