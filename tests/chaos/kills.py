"""P1 and P3: replicas die by SIGKILL at every crash point, at what a reader has just seen, and at random.

Victims come and go; keepers take over what they leave, and die at random themselves. A customer whose reader
breaks off comes back to any replica under the same key, or for the rest of the same turn.
"""

from __future__ import annotations

import asyncio
import random
import re
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from desk.domain import DoubleTexting, TenantSettings
from desk.errors import Unavailable
from graphs.crash_points import CRASH_POINTS, CrashPoint
from graphs.streams.turn_stream import IDS_PER_RUN
from tests.chaos.bookshop import SLUG, open_bookshop
from tests.chaos.customer import Customer, Manner
from tests.chaos.fleet import Replica
from tests.chaos.history import History, Sent
from tests.chaos.scenes import (
    SHOP_POINTS,
    SHOP_USUAL,
    USUAL,
    Scene,
    any_scene,
    any_shop_scene,
    scene_of,
)
from tests.chaos.stage import Stage
from tests.graphs.conversing import POINTS_ANSWER
from tests.measured.figures import Section, percentile
from tests.server.replicas import until
from tests.servers.openai_wire import Reply, SeenRequest, call, say

# A turn may end before its reader has seen enough; a crash point is reached for certain, however slowly.
SEEN_SECONDS = 12.0
POINT_SECONDS = 90.0
CUSTOMERS = 2
KEEPERS = 2
SLOTS = 3

When = Literal["point", "seen", "random"]
MODES: tuple[DoubleTexting, ...] = ("reject", "enqueue")


@dataclass(frozen=True, slots=True)
class Effort:
    """How many kills: at each of the crash points, at what was seen, at random, and of keepers."""

    each_point: int
    seen: int
    random: int
    keepers: int
    points: tuple[CrashPoint, ...] = CRASH_POINTS


@dataclass(frozen=True, slots=True)
class Death:
    """How one victim is to die."""

    when: When
    point: CrashPoint | None = None


@dataclass(frozen=True, slots=True)
class Cast:
    """Who is killed and who talks: how replicas start, in which tenants, and which traffic leads where."""

    start: Callable[[CrashPoint | None, bool], Awaitable[Replica]]
    tenants: dict[DoubleTexting, str]
    points: tuple[CrashPoint, ...]
    scene_of: Callable[[CrashPoint], Scene]
    any_scene: Callable[[random.Random], Scene]
    usual: Scene
    goes_on: str


@dataclass(slots=True)
class Kills:
    """The run under way: what was killed, when, and what the customers remember."""

    stage: Stage
    effort: Effort
    cast: Cast
    history: History = field(default_factory=History)
    killed: Counter[str] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)
    died_at: dict[str, float] = field(default_factory=dict)
    keepers: set[str] = field(default_factory=set)
    chance: random.Random = field(default_factory=lambda: random.Random(20))
    left: int = 0

    async def run(self) -> None:
        """All kills; returns when every customer has a last word."""
        keepers = [await self._keeper() for _ in range(KEEPERS)]
        deaths = iter(self._deaths())
        async with asyncio.TaskGroup() as customers:
            async with asyncio.TaskGroup() as slots:
                for _ in range(SLOTS):
                    slots.create_task(self._slot(deaths, customers))
                slots.create_task(self._kill_keepers(keepers))
            self.stage.say("  waiting for the last customers")

    def _deaths(self) -> list[Death]:
        deaths = [Death("point", point) for point in self.cast.points for _ in range(self.effort.each_point)]
        deaths += [Death("seen")] * self.effort.seen + [Death("random")] * self.effort.random
        self.chance.shuffle(deaths)
        self.left = len(deaths)
        return deaths

    async def _slot(self, deaths: Iterator[Death], customers: asyncio.TaskGroup) -> None:
        for death in deaths:
            await self._die(death, customers)
            self.left -= 1
            if self.left % 50 == 0:
                self.stage.say(f"  {sum(self.killed.values()):,} kills, {self.left:,} to go")

    async def _die(self, death: Death, customers: asyncio.TaskGroup) -> None:
        victim = await self.cast.start(death.point, False)
        if death.point is not None:
            scenes = [self.cast.scene_of(death.point), *[self.cast.usual] * (CUSTOMERS - 1)]
        else:
            scenes = [self.cast.any_scene(self.chance) for _ in range(CUSTOMERS)]
        for scene in scenes:
            manner = scene.manner
            if death.when == "seen":
                manner = replace(manner, how="stream", seen=_Trigger(victim, self.chance.randint(1, 8)))
            customers.create_task(self._visit(replace(scene, manner=manner), victim))
        if death.when == "random":
            await asyncio.sleep(self.chance.uniform(0.0, 1.2))
            await victim.kill()
        await self._bury(victim, death)

    async def _bury(self, victim: Replica, death: Death) -> None:
        try:
            await asyncio.wait_for(victim.dead.wait(), POINT_SECONDS if death.point else SEEN_SECONDS)
        except TimeoutError:
            await victim.kill()
            if death.point is not None:
                self.stage.say(f"  {death.point} was not reached in {POINT_SECONDS:.0f} s by {victim.name}")
        else:
            if death.point is not None and victim.code == -signal.SIGKILL:
                self.reached[death.point] += 1
            elif death.point is not None:
                self.stage.say(f"  {death.point} was not reached: {victim.name} ended with {victim.code}")
        assert victim.died_at is not None
        self.died_at[victim.name] = victim.died_at
        self.killed[death.when] += 1

    async def _visit(self, scene: Scene, victim: Replica) -> None:
        number = len(self.history.talks)
        talk = self.history.begin(self.cast.tenants[scene.double_texting], f"c{number}@x.org")
        customer = Customer(self.stage.fleet, talk, random.Random(number))
        manner = replace(scene.manner, cancel_at=victim if scene.cancel_here else None)
        async with asyncio.TaskGroup() as both:
            both.create_task(customer.say(scene.message, manner, at=victim))
            if scene.second is not None:
                await _until_talking(customer)
                both.create_task(customer.say(scene.second, Manner(how="stream"), at=victim))
            if scene.ends:
                await _until_talking(customer)
                victim.signal(signal.SIGTERM)
        await customer.settle()
        # Whatever became of the replica, the conversation goes on.
        await customer.say(self.cast.goes_on, Manner(how="send"))

    async def _keeper(self) -> Replica:
        keeper = await self.cast.start(None, True)
        self.keepers.add(keeper.name)
        return keeper

    async def _kill_keepers(self, keepers: list[Replica]) -> None:
        for _ in range(self.effort.keepers):
            await asyncio.sleep(self.chance.uniform(0.3, 1.5))
            keepers.append(await self._keeper())
            # A turn whose process died three times is laid aside by design: its last try is spared.
            await until(self._no_last_try, 600)
            victim = keepers.pop(self.chance.randrange(KEEPERS))
            self.died_at[victim.name] = await victim.kill()
            self.killed["keeper"] += 1

    async def _no_last_try(self) -> bool:
        try:
            return await self.stage.queued(tries=3) == 0
        except Unavailable:  # a machine under load answers late: asked again
            return False


class _Trigger:
    """Kills a replica once a reader has seen so many events of it."""

    def __init__(self, victim: Replica, count: int) -> None:
        self._victim = victim
        self._left = count

    def __call__(self, _event: object) -> None:
        self._left -= 1
        if self._left == 0:
            self._victim.signal(signal.SIGKILL)


async def _until_talking(customer: Customer) -> None:
    async def talks() -> bool:
        return customer.talk.id is not None and customer.talk.sent[0].accepted

    await until(talks, 60)


def recoveries(history: History, died_at: dict[str, float], keepers: set[str]) -> list[tuple[float, str]]:
    """Seconds from each death that broke off a reading to the first event of the run that took the turn over.

    With each, what its customer went through.

    Where that run died too, before it told anything, a later one is seen; that is no takeover of one death.
    Nor is the death of a replica that only handed on what another one ran: a second run is of a keeper.
    """
    found = []
    for sent in history.sent:
        for number, attempt in enumerate(sent.attempts):
            died = died_at.get(attempt.replica)
            if died is None or attempt.whole or not attempt.events or attempt.how == "send":
                continue
            if attempt.events[-1].id > IDS_PER_RUN and attempt.replica not in keepers:
                continue
            after = _next_run(sent, number)
            if after is not None:
                found.append((after - died, _told(sent, died)))
    return found


def _told(sent: Sent, died: float) -> str:
    """The attempts of a message, in seconds since a death: where, how, the answer, first and last event."""
    tries = []
    for attempt in sent.attempts:
        ends = f", events {attempt.events[0].id} to {attempt.events[-1].id}" if attempt.events else ""
        took = f"{attempt.at - died:+.1f} s for {attempt.seconds:.1f} s"
        tries.append(f"{took} {attempt.how} at {attempt.replica}: {attempt.status}{ends}")
    return f"{sent.message!r}: {'; '.join(tries)}"


def _next_run(sent: Sent, broken: int) -> float | None:
    run = sent.attempts[broken].events[-1].id // IDS_PER_RUN
    for attempt in sent.attempts[broken + 1 :]:
        for event in attempt.events:
            if event.id // IDS_PER_RUN > run:
                return event.at if event.id // IDS_PER_RUN == run + 1 else None
    return None


async def measure(stage: Stage, effort: Effort, shop_effort: Effort | None = None) -> list[Section]:
    """P1 and P3."""
    tenants = {mode: await stage.tenant(TenantSettings(double_texting=mode)) for mode in MODES}
    cast = Cast(
        lambda crash_at, keeps: stage.fleet.start(crash_at=crash_at, take_orphans=keeps),
        {mode: tenant.slug for mode, tenant in tenants.items()},
        effort.points,
        scene_of,
        any_scene,
        USUAL,
        "say 1 every 0",
    )
    kills = Kills(stage, effort, cast)
    section = Section.of("P1", "An accepted turn survives", __doc__)
    await _judge(kills, section)
    sections = [section, _recovery(kills)]
    if shop_effort is not None:
        sections.insert(1, await _in_the_shop(stage, shop_effort))
    return sections


async def _in_the_shop(stage: Stage, effort: Effort) -> Section:
    """The same where the support graph runs, with its FAQs, an order service and a model that uses a tool."""
    section = Section.of("P1", "The same with the support graph", _in_the_shop.__doc__)
    section.how = "As above, in the demo bookshop: FAQs, the order service, and a model that uses a tool."
    async with open_bookshop(stage) as shop:
        shop.wire.answer_by(_look_up_then_speak)
        cast = Cast(
            lambda crash_at, keeps: shop.replica(take_orphans=keeps, DESK_CRASH_AT=crash_at or ""),
            {"reject": SLUG},
            tuple(SHOP_POINTS),
            lambda point: SHOP_POINTS[point],
            any_shop_scene,
            SHOP_USUAL,
            "Which cards do you take?",
        )
        await _judge(Kills(stage, effort, cast), section)
    return section


def _look_up_then_speak(seen: SeenRequest) -> Reply:
    if seen.json["messages"][-1]["role"] == "tool" or not seen.json.get("tools"):
        return say(*re.findall(r"\S+\s*", POINTS_ANSWER), pause=0.05)
    return say(calls=[call("order_status", order_id="100234")])


async def _judge(kills: Kills, section: Section) -> None:
    """Kill, wait for the last customer, and let the history checker speak."""
    with section.timed():
        await kills.run()
        verdict = await kills.stage.settled(kills.history)
    await kills.stage.fleet.end_all()
    trials = f"{verdict.accepted:,} accepted turns in {sum(kills.killed.values()):,} kills"
    section.none("accepted turns lost", verdict.count("lost", "stuck"), trials)
    section.none("turns answered or recorded twice", verdict.count("doubled", "changed"), trials)
    section.none("conversations out of order, stale states", verdict.count("disordered", "stale"), trials)
    section.none("readers shown something else", verdict.count("stream"), f"{verdict.readings:,} readings")
    points = kills.cast.points
    reached = [point for point in points if kills.reached[point] == kills.effort.each_point]
    each = f"{kills.effort.each_point} times each"
    section.all("named crash points at which a process died every time", len(reached), len(points), each)
    told = ", ".join(f"{count} {_WHEN[when]}" for when, count in kills.killed.items())
    section.notes.append(f"Kills: {told}.")
    section.notes += [
        f"Reached {kills.reached[point]} times: {point}" for point in points if point not in reached
    ]
    section.notes += [str(finding) for finding in verdict.findings[:5]]


_WHEN = {
    "point": "at a crash point",
    "seen": "when a reader had seen so many events",
    "random": "at random",
    "keeper": "of a replica that takes over",
}


def _recovery(kills: Kills) -> Section:
    section = Section("P3", "Orphans are taken over", "Measured in the kills of the first section.")
    found = sorted(recoveries(kills.history, kills.died_at, kills.keepers))
    times = [seconds for seconds, _ in found]
    trials = f"{len(times):,} readings that a kill broke off"
    if times:
        section.at_most("kill to the next event elsewhere, worst", max(times), 15, "s", trials)
        section.at_most("kill to the next event elsewhere, median", percentile(times, 50), 8, "s", trials)
        section.notes.append(f"The worst: {found[-1][1]}.")
    return section
