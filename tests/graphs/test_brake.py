"""The brake: what was said may be stopped, and only what may be stopped is."""

from __future__ import annotations

import asyncio

import pytest

from graphs.brake import Brake, Stopped


async def test_a_brake_stops_only_what_it_may_stop() -> None:
    brake = Brake()
    waiting = asyncio.create_task(brake.stoppable(asyncio.sleep(10)))
    await asyncio.sleep(0)
    brake.pull()
    brake.pull()
    with pytest.raises(Stopped):
        await waiting
    with pytest.raises(Stopped):
        await brake.stoppable(asyncio.sleep(10))
    from_outside = asyncio.create_task(Brake().stoppable(asyncio.sleep(10)))
    await asyncio.sleep(0)
    from_outside.cancel()
    with pytest.raises(asyncio.CancelledError):
        await from_outside
    assert await Brake().stoppable(asyncio.sleep(0, "done")) == "done"
