"""Any order of things: customers follow programs that a seed has drawn, while replicas die and are replaced.

A program is a list of operations: send, send again under the same key, under the same key something else,
hang up and come back, cancel, send a second message meanwhile, delete the conversation (also under a running
turn). Others kill, end, freeze and start replicas, and flush Redis. The history checker then compares what
the customers remember with what is stored.
"""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal, get_args

from desk.domain import DoubleTexting, TenantSettings
from tests.chaos.customer import Customer, Manner
from tests.chaos.history import History, Sent
from tests.chaos.stage import Stage
from tests.chaos.stores import frozen
from tests.measured.figures import Section
from tests.server.replicas import until

Operation = Literal[
    "stream",
    "send",
    "drop",
    "cancel",
    "again",
    "other_body",
    "second",
    "delete",
    "delete_running",
    # Erasing a person has its place here, once it is built: nothing of theirs may be left after it.
]
Trouble = Literal["kill", "end", "freeze", "flush"]

REPLICAS = 3
FROZEN_SECONDS = 1.0
_OFTEN: dict[Operation, int] = {"stream": 5, "send": 3, "drop": 4, "cancel": 2, "again": 3, "second": 3}


@dataclass(frozen=True, slots=True)
class Effort:
    """Programs, the length of each, and how many troubles there are meanwhile."""

    programs: int
    length: int
    troubles: int
    seed: int = 1


def program(seed: int, length: int) -> list[Operation]:
    """The operations of one customer."""
    operations = get_args(Operation)
    weights = [_OFTEN.get(operation, 1) for operation in operations]
    return random.Random(seed).choices(operations, weights, k=length)


@dataclass(slots=True)
class Running:
    """The programs under way."""

    stage: Stage
    effort: Effort
    tenants: dict[DoubleTexting, str]
    history: History = field(default_factory=History)
    done: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """All programs, and all troubles."""
        for _ in range(REPLICAS):
            await self.stage.fleet.start()
        troubling = asyncio.create_task(self._trouble())
        gate = asyncio.Semaphore(12)

        async def follow(seed: int) -> None:
            async with gate:
                await Follower(self, seed).follow(program(seed, self.effort.length))

        seeds = range(self.effort.seed, self.effort.seed + self.effort.programs)
        await asyncio.gather(*(follow(seed) for seed in seeds))
        troubling.cancel()
        await asyncio.gather(troubling, return_exceptions=True)

    async def _trouble(self) -> None:
        chance = random.Random(self.effort.seed)
        for _ in range(self.effort.troubles):
            await asyncio.sleep(chance.uniform(0.2, 1.5))
            trouble: Trouble = chance.choice(get_args(Trouble))
            await self._make(trouble, chance)
            self.done[trouble] += 1

    async def _make(self, trouble: Trouble, chance: random.Random) -> None:
        fleet = self.stage.fleet
        if trouble == "flush":
            await self.stage.stores.flush_redis()
            return
        victim = chance.choice(fleet.alive)
        if trouble == "freeze":
            with frozen([victim.pid]):
                await asyncio.sleep(FROZEN_SECONDS)
            return
        await fleet.start()
        await until(self._no_last_try, 60)
        if trouble == "kill":
            await victim.kill()
        else:
            victim.signal(signal.SIGTERM)  # the others go on meanwhile
            await victim.dead.wait()

    async def _no_last_try(self) -> bool:
        """A turn whose process died three times is laid aside by design."""
        return await self.stage.queued(tries=3) == 0


class Follower:
    """One customer, who follows a program."""

    def __init__(self, running: Running, seed: int) -> None:
        self._running = running
        self._seed = seed
        self._chance = random.Random(f"{seed} of a customer")
        self._mode: DoubleTexting = self._chance.choice(get_args(DoubleTexting))
        self._customer = self._begin()

    def _begin(self) -> Customer:
        running = self._running
        # The talks of one customer are those of one person.
        talk = running.history.begin(running.tenants[self._mode], f"p{self._seed}@x.org")
        talk.interrupts = self._mode == "interrupt"
        return Customer(running.stage.fleet, talk, self._chance)

    async def follow(self, operations: list[Operation]) -> None:
        """One operation after the other, each to its end."""
        for operation in operations:
            await self._do(operation)
            self._running.done[operation] += 1
        await self._customer.settle()

    async def _do(self, operation: Operation) -> None:
        await getattr(self, f"_{operation}")()

    async def _stream(self) -> None:
        await self._customer.say(self._message())

    async def _send(self) -> None:
        await self._customer.say(self._message(), Manner(how="send"))

    async def _drop(self) -> None:
        await self._customer.say(self._message(), Manner(leave_after=self._chance.randint(0, 6)))

    async def _cancel(self) -> None:
        await self._customer.say("say 30 every 0.05", Manner(cancel_after=self._chance.randint(1, 8)))
        await self._customer.settle()

    async def _again(self) -> None:
        for sent in self._accepted():
            await self._customer.insist(sent, Manner(how=self._chance.choice(("send", "stream"))))

    async def _other_body(self) -> None:
        for sent in self._accepted():
            status = await self._customer.reuse(sent, "something else")
            if status not in (422, 503, None):
                self._running.wrong.append(f"seed {self._seed}: another body under a key got {status}")

    async def _second(self) -> None:
        first = await self._begun("say 8 every 0.05; record")
        await self._customer.say(self._message())
        await first

    async def _begun(self, message: str) -> asyncio.Task[Sent]:
        """A turn that was accepted and goes on."""
        sent = self._customer.talk.sent
        before = len(sent)

        async def accepted() -> bool:
            return len(sent) > before and sent[before].accepted

        turn = asyncio.create_task(self._customer.say(message))
        await until(accepted, 60)
        return turn

    async def _delete(self) -> None:
        if self._customer.talk.id is not None:
            await self._customer.delete()
            self._customer = self._begin()

    async def _delete_running(self) -> None:
        await self._customer.say("say 1 every 0")
        running = await self._begun("say 20 every 0.05; record")
        await self._customer.delete()
        await running
        self._customer = self._begin()

    def _accepted(self) -> list[Sent]:
        accepted = [sent for sent in self._customer.talk.sent if sent.accepted]
        return self._chance.sample(accepted, k=min(1, len(accepted)))

    def _message(self) -> str:
        acts = [f"say {self._chance.randint(1, 8)} every 0.03"]
        acts += self._chance.choices(
            ("record", "tool", "cite", "say 2 every 0"), k=self._chance.randint(0, 2)
        )
        return "; ".join(acts)


async def measure(stage: Stage, effort: Effort) -> Section:
    """Every promise about turns at once."""
    section = Section.of("P1", "Any order of things", __doc__)
    tenants = {
        mode: (await stage.tenant(TenantSettings(double_texting=mode))).slug
        for mode in get_args(DoubleTexting)
    }
    running = Running(stage, effort, tenants)
    with section.timed():
        await running.run()
        verdict = await stage.settled(running.history)
    await stage.fleet.end_all()
    trials = f"{effort.programs} programs of {effort.length} operations, {verdict.keys:,} messages"
    section.none("turns lost", verdict.count("lost", "stuck"), trials)
    section.none("turns doubled or changed", verdict.count("doubled", "changed"), trials)
    section.none("conversations out of order, stale states", verdict.count("disordered", "stale"), trials)
    section.none("readers shown something else", verdict.count("stream"), f"{verdict.readings:,} readings")
    section.none("keys that took another body", len(running.wrong), f"{running.done['other_body']} tries")
    done = ", ".join(f"{count} {name}" for name, count in sorted(running.done.items()))
    section.notes.append(f"Operations from seed {effort.seed} on: {done}.")
    section.notes += running.wrong[:3] + [str(finding) for finding in verdict.findings[:5]]
    return section
