"""P15: a crowd of readers holds event streams open for long, is cut off, comes back, and misses nothing.

Each reader follows one turn after the other. Now and then it hangs up in the middle of a turn and resumes
with Last-Event-ID, at its own replica or at another. Meanwhile the memory of each replica is sampled, and in
the end nothing may be left of the crowd.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import linear_regression
from typing import Any
from uuid import uuid4

from bench.processes import resident_mb
from graphs.streams.turn_stream import IDS_PER_RUN, LOOKED_UP
from tests.chaos.fleet import Replica
from tests.chaos.history import PASSING, shown
from tests.chaos.stage import Stage
from tests.chaos.wire import Event, Unreached, opened
from tests.measured.figures import Section

REPLICAS = 2
SAMPLE_SECONDS = 5.0
SETTLE_SECONDS = 3.0
REST_LOOKS = 5
LONGEST_PAUSE_SECONDS = 16.0
# Between two readers who come: no faster than one machine takes new turns.
COMING_SECONDS = 0.045
# Until then caches and pools fill: what a process keeps for good is no leak.
WARM_SHARE = 1 / 3
_ESTABLISHED = frozenset({"01", "08"})


@dataclass(frozen=True, slots=True)
class Effort:
    """Readers at a time, for how long (seconds), drops in all, and the words of a turn at a pause each."""

    readers: int
    seconds: float
    drops: int
    words: int
    pause: float


@dataclass(slots=True)
class Crowd:
    """The run under way; what is wrong is counted and described."""

    stage: Stage
    effort: Effort
    replicas: list[Replica]
    tenant: str
    until: float
    read: int = 0
    complete: int = 0
    dropped: int = 0
    refused: int = 0
    looked_up: int = 0
    taken_over: int = 0
    events: int = 0
    most: int = 0
    now: int = 0
    wrong: list[str] = field(default_factory=list)
    samples: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    async def run(self) -> None:
        """All readers, which come one after the other and leave when the turn that they read is over."""
        sampling = asyncio.create_task(self._sample())
        async with asyncio.TaskGroup() as group:
            for number in range(self.effort.readers):
                group.create_task(self._follow_turns(random.Random(number), number))
                await asyncio.sleep(min(COMING_SECONDS, self.effort.seconds * 0.75 / self.effort.readers))
        sampling.cancel()

    async def _follow_turns(self, chance: random.Random, number: int) -> None:
        headers = self.stage.fleet.headers(f"r{number}@x.org", self.tenant)
        while time.monotonic() < self.until:
            await self._follow(chance, headers)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """One more stream is open."""
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            yield
        finally:
            self.now -= 1

    async def _follow(self, chance: random.Random, headers: dict[str, str]) -> None:
        """One turn to its end, through every drop."""
        events: list[Event] = []
        drops = self._drops(chance)
        count = self.effort.words + chance.randint(0, self.effort.words // 2)
        message = {"message": f"say {count} every {self.effort.pause}"}
        post: tuple[Any, ...] = ("POST", "/api/v1/chat/stream", message, {"idempotency-key": str(uuid4())})
        self.read += 1
        tries = refusals = 0
        while not events or events[-1].name != "done":
            method, path, body, more = post if not events else self._resumed(events)
            replica = chance.choice(self.replicas)
            before = len(events)
            try:
                async with opened(replica.port, method, path, body, headers | more) as answer:
                    if answer.status in PASSING:
                        self.refused += 1
                        refusals += 1
                        await asyncio.sleep(
                            min(2.0**refusals, LONGEST_PAUSE_SECONDS) * chance.uniform(0.5, 1)
                        )
                        continue
                    if answer.status != 200:
                        self.wrong.append(f"{method} answered {answer.status}: {answer.body}")
                        return
                    with self._reading():
                        await self._take(answer.events(), events, drops)
            except Unreached as error:
                self.wrong.append(f"{replica.name} hung up: {error.__cause__!r}")
            tries = 0 if len(events) > before else tries + 1
            if tries > 3 or (events and events[-1].name == "error"):
                self.wrong.append(f"a turn did not end: {[event.name for event in events[-3:]]}")
                return
        self._check(events, count)

    async def _take(self, coming: Any, events: list[Event], drops: list[int]) -> None:
        async for event in coming:
            events.append(event)
            if drops and len(events) >= drops[0]:
                drops.pop(0)
                self.dropped += 1
                return

    def _drops(self, chance: random.Random) -> list[int]:
        """After how many events of a turn its reader hangs up: so often that all drops fit into the run."""
        turns = self.effort.readers * self.effort.seconds / (self.effort.words * 1.25 * self.effort.pause)
        each = self.effort.drops * 1.15 / turns
        count = int(each) + (chance.random() < each % 1)
        return sorted(chance.randint(1, self.effort.words) for _ in range(count))

    def _resumed(self, events: list[Event]) -> tuple[Any, ...]:
        path = f"/api/v1/turns/{events[0].data['turn_id']}/events"
        return "GET", path, None, {"last-event-id": str(events[-1].id)}

    def _check(self, events: list[Event], count: int) -> None:
        """Every event of a run once, in order, and every word on the screen once, in order.

        A process that could not renew its lease for six seconds has lost the turn, and who comes back when it
        is over finds its stored end: both tell the reader to begin anew.
        """
        self.events += len(events)
        gaps = [
            (before.id, after.id)
            for before, after in pairwise(events)
            if after.id != before.id + 1 and not after.id // IDS_PER_RUN > before.id // IDS_PER_RUN
        ]
        begun_anew = events[-1].id > IDS_PER_RUN
        self.looked_up += events[-1].id > LOOKED_UP
        self.taken_over += IDS_PER_RUN < events[-1].id < LOOKED_UP
        words = "".join(f"word{number} " for number in range(1, count + 1))
        told = "".join(event.data["text"] for event in events if event.name == "token")
        if gaps or events[0].id != 1:
            self.wrong.append(f"ids {[event.id for event in events]}")
        elif shown(events) != words or (told != words and not begun_anew):
            self.wrong.append(f"{shown(events)!r} was shown")
        else:
            self.complete += 1

    async def _sample(self) -> None:
        began = time.monotonic()
        while True:
            now = time.monotonic() - began
            for replica in self.replicas:
                self.samples.setdefault(replica.name, []).append((now, resident_mb(replica.pid)))
            await asyncio.sleep(SAMPLE_SECONDS)
            if int(now / 60) < int((now + SAMPLE_SECONDS) / 60):
                self.stage.say(f"  {now / 60:.0f} min, {self.read:,} turns, {self.dropped:,} drops")

    def growth(self) -> float:
        """The steepest growth of a replica's memory once it was warm, in MB per ten minutes."""
        slopes = []
        for samples in self.samples.values():
            warm = [sample for sample in samples if sample[0] > self.effort.seconds * WARM_SHARE]
            if len(warm) > 2:
                slopes.append(linear_regression(*zip(*warm, strict=True)).slope * 600)
        return max(slopes, default=0.0)


def open_sockets(replica: Replica) -> int:
    """Connections of clients to the replica that are not closed at its end."""
    found = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        found += int(fields[1].split(":")[1], 16) == replica.port and fields[3] in _ESTABLISHED
    return found


async def measure(stage: Stage, effort: Effort) -> Section:
    """P15."""
    section = Section.of("P15", "Streams hold", __doc__)
    replicas = [await stage.fleet.start() for _ in range(REPLICAS)]
    slug = (await stage.tenant()).slug
    before = await _begun(replicas)
    crowd = Crowd(stage, effort, replicas, slug, time.monotonic() + effort.seconds)
    with section.timed():
        await crowd.run()
    after, sockets = await _at_rest(replicas)
    await stage.fleet.end_all()
    _tell(section, crowd)
    tasks = sum(b["tasks"] - a["tasks"] for a, b in zip(before, after, strict=True))
    held = sum(sum(left[name] for name in HELD) for left in after)
    lent = sum(left["connections_lent"] for left in after)
    section.none("tasks left when the crowd has gone", max(0, tasks), f"{len(replicas)} replicas")
    section.none("turns, copies and streams left", held, f"{len(replicas)} replicas")
    section.none("sockets and database connections left", sockets + lent, f"{len(replicas)} replicas")
    return section


async def _begun(replicas: list[Replica]) -> list[dict[str, int]]:
    """The counts once they stand still: the job worker of a fresh process is still starting its tasks."""
    counts: list[dict[str, int]] = []
    for _ in range(REST_LOOKS):
        await asyncio.sleep(SETTLE_SECONDS)
        seen, counts = counts, [await replica.count() for replica in replicas]
        if [count["tasks"] for count in seen] == [count["tasks"] for count in counts]:
            break
    return counts


HELD = ("running", "copies", "carried", "open_streams")


async def _at_rest(replicas: list[Replica]) -> tuple[list[dict[str, int]], int]:
    """What is left of the crowd. A background job that is at work just now is nothing left: it ends soon."""
    for _ in range(REST_LOOKS):
        await asyncio.sleep(SETTLE_SECONDS)
        counts = [await replica.count() for replica in replicas]
        sockets = sum(open_sockets(replica) for replica in replicas)
        if not sockets and not any(count[name] for count in counts for name in (*HELD, "connections_lent")):
            break
    return counts, sockets


def _tell(section: Section, crowd: Crowd) -> None:
    effort = crowd.effort
    trials = f"{crowd.most:,} streams open at a time, {effort.seconds / 60:.1f} min, {crowd.read:,} turns"
    section.all("turns read to their end, each event once and in order", crowd.complete, crowd.read, trials)
    enough = f"{crowd.dropped:,} drops, {crowd.events:,} events"
    section.none("missing, doubled or reordered events, refusals", len(crowd.wrong), enough)
    memory = ", ".join(f"{s[0][1]:.0f} to {s[-1][1]:.0f} MB" for s in crowd.samples.values())
    if effort.seconds >= 600:
        section.at_most("growth of a replica's memory in 10 minutes", crowd.growth(), 1.0, "MB", memory)
    else:
        section.notes.append(f"Memory: {memory}.")
    section.notes.append(
        f"Requests told to come back in a second (429 or 503), and sent again: {crowd.refused:,}."
    )
    section.notes.append(f"Turns taken over, as their lease was not renewed in time: {crowd.taken_over:,}.")
    section.notes.append(f"Turns whose reader came back to their stored end: {crowd.looked_up:,}.")
    section.notes += crowd.wrong[:5]
