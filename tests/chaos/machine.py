"""A state machine draws the order of things: Hypothesis sends, retries, drops, kills, restarts and deletes.

Three customers talk at a time. Each step is one of theirs (send, begin and leave, come back, the same key
again, another body under it, delete) or one of ours (kill a replica, end one, flush Redis). After each
history everybody comes to an end, and what the customers remember is compared with what is stored.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from desk.domain import TenantSettings
from tests.chaos.customer import Customer, Manner
from tests.chaos.history import History, Sent
from tests.chaos.stage import Stage
from tests.measured.figures import Section
from tests.server.replicas import until

CUSTOMERS = 3
REPLICAS = 2
STEP_SECONDS = 200.0

T = TypeVar("T")
customers = st.integers(0, CUSTOMERS - 1)
replicas = st.integers(0, REPLICAS - 1)


@dataclass(frozen=True, slots=True)
class Effort:
    """How many histories are drawn, and the most steps of each; `seeded` draws the same ones every time."""

    histories: int
    steps: int
    seeded: bool = False


@dataclass(slots=True)
class Ground:
    """What all histories of a run share; the machine lives in a thread, everything else in `loop`."""

    stage: Stage
    loop: asyncio.AbstractEventLoop
    tenant: str
    steps: Counter[str] = field(default_factory=Counter)
    histories: int = 0
    turns: int = 0
    found: list[str] = field(default_factory=list)

    def wait(self, doing: Coroutine[Any, Any, T]) -> T:
        """Do something in the loop, and return when it is done."""
        return asyncio.run_coroutine_threadsafe(doing, self.loop).result(STEP_SECONDS)


class Machine(RuleBasedStateMachine):
    """One history; `ground` is set by the class that is made for a run."""

    ground: Ground

    def __init__(self) -> None:
        super().__init__()
        self.history = History()
        self.begun: dict[int, list[asyncio.Task[Sent]]] = {number: [] for number in range(CUSTOMERS)}
        self.customers = [self._arrive(number) for number in range(CUSTOMERS)]
        self.trail: list[str] = []

    @rule(who=customers, how=st.sampled_from(("send", "stream")), count=st.integers(1, 6))
    def send(self, who: int, how: Any, count: int) -> None:
        self._do("send", self.customers[who].say(f"say {count} every 0.02; record", Manner(how=how)))

    @rule(who=customers, count=st.integers(5, 25))
    def begin(self, who: int, count: int) -> None:
        """A turn that goes on while other things happen."""
        self._do("begin", self._begin(who, f"record; say {count} every 0.05; record"))

    @rule(who=customers, after=st.integers(0, 8))
    def drop(self, who: int, after: int) -> None:
        """Hang up in the middle, and come back."""
        self._do("drop", self.customers[who].say("say 6 every 0.03; tool", Manner(leave_after=after)))

    @rule(who=customers, how=st.sampled_from(("send", "stream")), back=st.integers(0, 5))
    def retry(self, who: int, how: Any, back: int) -> None:
        """The same message under the same key, whether its turn is over or not."""
        sent = self._earlier(who, back)
        if sent is not None:
            self._do("retry", self.customers[who].insist(sent, Manner(how=how)))

    @rule(who=customers, back=st.integers(0, 5))
    def reuse(self, who: int, back: int) -> None:
        """Another message under a key that is taken must be refused."""
        sent = self._earlier(who, back)
        if sent is not None:
            status = self._do("reuse", self.customers[who].reuse(sent, "something else"))
            assert status in (422, 503, None), f"another body under a key got {status}"

    @rule(which=replicas)
    def kill(self, which: int) -> None:
        self._do("kill", self._replace(which, gently=False))

    @rule(which=replicas)
    def restart(self, which: int) -> None:
        self._do("restart", self._replace(which, gently=True))

    @rule()
    def flush(self) -> None:
        self._do("flush", self.ground.stage.stores.flush_redis())

    @rule(who=customers)
    def delete(self, who: int) -> None:
        """Delete the conversation, perhaps under a running turn, and begin another one."""
        # Erasing the whole person belongs here too, once it is built: nothing of theirs may be left.
        if self.customers[who].talk.id is not None:
            self._do("delete", self._delete(who))

    def teardown(self) -> None:
        """Everybody comes to an end; then the history is checked."""
        self.ground.wait(self._end())

    def _do(self, name: str, doing: Coroutine[Any, Any, T]) -> T:
        self.trail.append(name)
        self.ground.steps[name] += 1
        return self.ground.wait(doing)

    def _arrive(self, number: int) -> Customer:
        talk = self.history.begin(self.ground.tenant, f"h{self.ground.histories}-{number}@x.org")
        return Customer(self.ground.stage.fleet, talk)

    def _earlier(self, who: int, back: int) -> Sent | None:
        accepted = [sent for sent in self.customers[who].talk.sent if sent.accepted]
        return accepted[-1 - back % len(accepted)] if accepted else None

    async def _begin(self, who: int, message: str) -> None:
        sent = self.customers[who].talk.sent
        before = len(sent)

        async def accepted() -> bool:
            return sent[before].accepted if len(sent) > before else False

        self.begun[who].append(asyncio.create_task(self.customers[who].say(message)))
        await until(accepted, 100)

    async def _replace(self, which: int, *, gently: bool) -> None:
        stage = self.ground.stage
        # A turn whose process died three times is laid aside by design: its last try is spared.
        await until(self._no_last_try, 60)
        victim = stage.fleet.alive[which]
        await (victim.end() if gently else victim.kill())
        await stage.fleet.start()

    async def _no_last_try(self) -> bool:
        return await self.ground.stage.queued(tries=3) == 0

    async def _delete(self, who: int) -> None:
        await self.customers[who].delete()
        await asyncio.gather(*self.begun[who])
        self.begun[who].clear()
        self.customers[who] = self._arrive(who)

    async def _end(self) -> None:
        await asyncio.gather(*(turn for turns in self.begun.values() for turn in turns))
        verdict = await self.ground.stage.settled(self.history)
        self.ground.histories += 1
        self.ground.turns += verdict.keys
        self.ground.found += [f"{finding} after {self.trail}" for finding in verdict.findings]


async def measure(stage: Stage, effort: Effort) -> Section:
    """P1 again, by Hypothesis."""
    section = Section.of("P1", "Any order of things, drawn by Hypothesis", __doc__)
    tenant = await stage.tenant(TenantSettings(double_texting="enqueue"))
    ground = Ground(stage, asyncio.get_running_loop(), tenant.slug)
    for _ in range(REPLICAS):
        await stage.fleet.start()
    with section.timed():
        await asyncio.to_thread(_draw, ground, effort)
    await stage.fleet.end_all()
    trials = f"{ground.histories} histories, {ground.steps.total()} steps, {ground.turns:,} messages"
    section.none(
        "histories that tell another story than the database, or broke off", len(ground.found), trials
    )
    section.notes.append(", ".join(f"{count} {name}" for name, count in sorted(ground.steps.items())) + ".")
    section.notes += ground.found[:5]
    return section


def _draw(ground: Ground, effort: Effort) -> None:
    bound = cast("type[Machine]", type("Bound", (Machine,), {"ground": ground}))
    drawn = settings(
        max_examples=effort.histories,
        stateful_step_count=effort.steps,
        derandomize=effort.seeded,
        database=None,
        deadline=None,
        # Real processes do not die twice at the same moment: shrinking is of no use.
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    try:
        run_state_machine_as_test(bound, settings=drawn)
    except Exception as error:
        ground.found.append(repr(error))
