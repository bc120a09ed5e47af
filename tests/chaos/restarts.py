"""P5: Postgres goes away and comes back, again and again, while customers talk.

It is stopped in an orderly way or killed, stays away for up to two seconds, and is started again; each
replica is then asked until its readiness probe is green.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field

from tests.chaos.customer import Customer, Manner
from tests.chaos.fleet import Replica, is_ready
from tests.chaos.history import History, Talk
from tests.chaos.stage import Stage
from tests.measured.figures import Section

REPLICAS = 2
CUSTOMERS = 24
LONGEST_AWAY_SECONDS = 2.0
PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Effort:
    """Turns in all, the longest pause of a customer between two, and how long Postgres stays up (seconds)."""

    turns: int
    pause: float
    up: tuple[float, float]


@dataclass(slots=True)
class Restarts:
    """The run under way."""

    stage: Stage
    effort: Effort
    history: History = field(default_factory=History)
    healthy: list[float] = field(default_factory=list)
    away: list[float] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(5))

    async def run(self) -> None:
        """All turns, with restarts from the first to the last."""
        slug = (await self.stage.tenant()).slug
        replicas = [await self.stage.fleet.start() for _ in range(REPLICAS)]
        restarting = asyncio.create_task(self._restart(replicas))
        async with asyncio.TaskGroup() as customers:
            for number in range(CUSTOMERS):
                customers.create_task(self._talk(self.history.begin(slug, f"c{number}@x.org")))
        restarting.cancel()
        await asyncio.gather(restarting, return_exceptions=True)

    async def _talk(self, talk: Talk) -> None:
        chance = random.Random(talk.email)
        customer = Customer(self.stage.fleet, talk, chance)
        for number in range(self.effort.turns // CUSTOMERS):
            message = f"say {chance.randint(1, 6)} every 0.03" + ("; record" if number % 3 == 0 else "")
            await customer.say(message, Manner(how=chance.choice(("send", "stream"))))
            await asyncio.sleep(chance.uniform(0, self.effort.pause))

    async def _restart(self, replicas: list[Replica]) -> None:
        while True:
            await asyncio.sleep(self.chance.uniform(*self.effort.up))
            # A restart that has begun is seen through, so that the run leaves a database behind.
            await asyncio.shield(asyncio.ensure_future(self._once(replicas)))

    async def _once(self, replicas: list[Replica]) -> None:
        gone = time.monotonic()
        if self.chance.random() < 0.5:
            self.stage.stores.kill_postgres()
        await self.stage.stores.stop("postgres")
        await asyncio.sleep(self.chance.uniform(0, LONGEST_AWAY_SECONDS))
        await self.stage.stores.start("postgres")
        back = time.monotonic()
        self.away.append(back - gone)
        self.healthy += await asyncio.gather(*(_until_ready(replica, back) for replica in replicas))


async def _until_ready(replica: Replica, since: float) -> float:
    while not await is_ready(replica):
        assert time.monotonic() - since < PATIENCE_SECONDS, f"{replica.name} did not become ready"
        await asyncio.sleep(0.02)
    return time.monotonic() - since


async def measure(stage: Stage, effort: Effort) -> Section:
    """P5."""
    section = Section.of("P5", "Postgres may restart", __doc__)
    restarts = Restarts(stage, effort)
    with section.timed():
        await restarts.run()
        verdict = await stage.settled(restarts.history)
    await stage.fleet.end_all()
    trials = f"{verdict.keys:,} turns, {len(restarts.away)} restarts"
    section.none("turns lost", verdict.count("lost", "stuck"), trials)
    section.none("turns doubled or changed", verdict.count("doubled", "changed", "stream"), trials)
    section.none("messages out of order, stale states", verdict.count("disordered", "stale"), trials)
    longest = max(restarts.healthy, default=0.0)
    section.at_most("return of Postgres to a green readiness probe, worst", longest, 5, "s", trials)
    assert restarts.away, "the customers had come to an end before the first restart"
    section.notes.append(
        f"Postgres was away for {min(restarts.away):.1f} to {max(restarts.away):.1f} s, with its own start."
    )
    section.notes += [str(finding) for finding in verdict.findings[:5]]
    return section
