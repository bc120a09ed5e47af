"""P4: many writers in one conversation, while replicas sleep past their leases and wake with a turn in hand.

Half of the writers' conversations refuse a second message while the first is answered (the writer sends it
again), half let it wait. A replica is stopped by SIGSTOP for longer than a lease; whoever runs the turns then
commits them, and what the sleeper commits when it wakes must be refused.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

from desk.domain import TenantSettings
from graphs.streams.turn_stream import IDS_PER_RUN
from tests.chaos.customer import Customer, Manner
from tests.chaos.fleet import Replica
from tests.chaos.history import History, Talk
from tests.chaos.stage import Stage
from tests.chaos.stores import frozen
from tests.measured.figures import Section

WRITERS = 8
ASLEEP_SECONDS = 8.0
REPLICAS = 3


@dataclass(frozen=True, slots=True)
class Effort:
    """Turns of each writer, half of them in either conversation, and how often a replica sleeps."""

    turns: int
    sleeps: int


@dataclass(slots=True)
class Writing:
    """The run under way."""

    stage: Stage
    effort: Effort
    history: History = field(default_factory=History)
    done: int = 0

    async def run(self) -> list[Replica]:
        """All turns and all sleeps; gives the replicas that slept."""
        modes = ("reject", "enqueue")
        talks = []
        for mode in modes:
            tenant = await self.stage.tenant(TenantSettings(double_texting=mode))  # type: ignore[arg-type]
            talks.append(self.history.begin(tenant.slug, f"{mode}@x.org"))
        replicas = [await self.stage.fleet.start() for _ in range(REPLICAS)]
        await asyncio.gather(*(self._open(talk) for talk in talks))
        async with asyncio.TaskGroup() as group:
            sleeping = group.create_task(self._sleep(replicas, talks))
            async with asyncio.TaskGroup() as writers:
                for talk in talks:
                    for writer in range(WRITERS):
                        writers.create_task(self._write(talk, writer))
            await sleeping
        return replicas

    async def _open(self, talk: Talk) -> None:
        await Customer(self.stage.fleet, talk, writer=-1).say("say 1 every 0", Manner(how="send"))

    async def _write(self, talk: Talk, writer: int) -> None:
        chance = random.Random(f"{talk.email} {writer}")
        customer = Customer(self.stage.fleet, talk, chance, writer=writer)
        for number in range(self.effort.turns // 2):
            # Now and then a turn that is long enough to be caught asleep, and records what it drew.
            message = "record; say 3 every 0.05" if number % 25 == 0 else "say 1 every 0"
            await customer.say(message, Manner(how="stream" if number % 25 == 0 else "send"))
            self.done += 1
            if self.done % 1000 == 0:
                self.stage.say(f"  {self.done:,} turns")

    async def _sleep(self, replicas: list[Replica], talks: list[Talk]) -> None:
        """Each sleeper has long turns in hand: those of customers of their own."""
        for number in range(self.effort.sleeps):
            sleeper = replicas[number % len(replicas)]
            sleepers = [self.history.begin(talks[0].tenant, f"s{number}-{n}@x.org") for n in range(WRITERS)]
            async with asyncio.TaskGroup() as group:
                for extra, talk in enumerate(sleepers):
                    customer = Customer(self.stage.fleet, talk, random.Random(talk.email))
                    # Some are about to commit when they fall asleep, some have half of it before them.
                    message = f"record; say {6 + extra} every 0.1; record"
                    group.create_task(customer.say(message, at=sleeper))
                await asyncio.sleep(0.75)
                with frozen([sleeper.pid]):
                    await asyncio.sleep(ASLEEP_SECONDS)


def taken_over(history: History) -> int:
    """Turns of which a later run was seen."""
    return sum(
        any(event.id > IDS_PER_RUN for events in sent.readings for event in events) for sent in history.sent
    )


async def measure(stage: Stage, effort: Effort) -> Section:
    """P4."""
    section = Section.of("P4", "A conversation has one writer", __doc__)
    writing = Writing(stage, effort)
    with section.timed():
        replicas = await writing.run()
        verdict = await stage.settled(writing.history)
    fenced = sum(stage.fleet.log_of(replica).count('"error":"Fenced"') for replica in replicas)
    await stage.fleet.end_all()
    trials = f"{WRITERS} writers x {effort.turns:,} turns in 2 conversations, {verdict.keys:,} turns in all"
    section.none("turns lost", verdict.count("lost", "stuck"), trials)
    section.none("turns doubled or changed", verdict.count("doubled", "changed", "stream"), trials)
    section.none("messages out of order", verdict.count("disordered"), trials)
    slept = (
        f"{effort.sleeps} sleeps of {ASLEEP_SECONDS:g} s, {taken_over(writing.history):,} turns taken over"
    )
    section.none("stale commits", verdict.count("stale"), f"{slept}, {fenced:,} refused")
    section.notes += [str(finding) for finding in verdict.findings[:5]]
    return section
