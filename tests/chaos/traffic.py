"""Steady traffic: turns of some tenants at a pace, whatever the answers take, each of them timed."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from uuid import uuid4

from desk.domain import Tenant
from tests.chaos.fleet import Fleet, Replica
from tests.chaos.history import PASSING
from tests.chaos.wire import Unreached, fetch

MESSAGE = "say 1 every 0"
PATIENCE_SECONDS = 30.0


@dataclass(slots=True)
class Traffic:
    """Who talks to which replica; `pace` is turns a second of all tenants together."""

    fleet: Fleet
    replica: Replica
    tenants: list[Tenant]
    pace: float
    failed: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    async def window(self, seconds: float) -> list[float]:
        """The seconds that each turn took which began in this time; those without an answer are counted."""
        until = time.monotonic() + seconds
        found: list[float] = []

        async def note(tenant: Tenant) -> None:
            took = await self.turn(tenant)
            if took is None:
                self.failed += 1
            else:
                found.append(took)

        async with asyncio.TaskGroup() as turns:
            while time.monotonic() < until:
                turns.create_task(note(self.chance.choice(self.tenants)))
                await self.rest()
        return found

    async def rest(self) -> None:
        """The time between two turns."""
        await asyncio.sleep(self.chance.expovariate(self.pace))

    async def turn(self, tenant: Tenant) -> float | None:
        """The seconds of one turn in a new conversation, a second try counted in; None without an answer."""
        headers = self.fleet.headers(f"c{self.chance.randrange(20)}@x.org", tenant.slug)
        headers |= {"idempotency-key": str(uuid4())}
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE_SECONDS:
            try:
                answer = await fetch(
                    self.replica.port, "POST", "/api/v1/chat/", {"message": MESSAGE}, headers
                )
            except Unreached:
                return None
            if answer.status == 200:
                return time.monotonic() - began
            if answer.status not in PASSING:
                return None
            await asyncio.sleep(1.0)  # what Retry-After says
        return None
