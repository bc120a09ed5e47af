"""The handoffs are looked at again and again, also after a look that failed, until the context ends."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from desk.errors import Unavailable
from graphs.handoffs.sweep import Swept
from server.jobs.sweeping import sweeping


async def test_it_looks_again_after_a_failure_and_stops_at_the_end() -> None:
    looks: list[datetime] = []
    third = asyncio.Event()

    async def look(_: Any, now: datetime) -> Swept:
        looks.append(now)
        if len(looks) == 1:
            raise Unavailable
        if len(looks) == 3:
            third.set()
        return Swept()

    services: Any = None
    async with sweeping(services, every=0.01, look=look):
        await third.wait()
    seen = len(looks)
    await asyncio.sleep(0.05)
    assert len(looks) == seen
    assert looks == sorted(looks)
