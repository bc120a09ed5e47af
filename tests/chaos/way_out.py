"""P16: whoever asks for a person is heard within one turn, from every state, with the model down, in a race.

Each situation that the rules of handoffs can reach (tests/graphs/test_handoffs.py explores them) is brought
about through the real doors, by day and by night, while every request to the model breaks off. Then the
customer asks for a person. In the races an agent gives the conversation back or closes it at that moment.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from desk.domain import ConversationId, HandoffId, Principal, Tenant, TenantSettings
from desk.storage import handoffs
from desk.storage.handoffs import Handoff
from graphs.handoffs.ground import Acting
from graphs.handoffs.machine import Move, Situation
from graphs.handoffs.office_hours import DAYS
from graphs.handoffs.sweep import _alarm, _make_ticket, sweep
from tests.chaos.bookshop import open_bookshop
from tests.chaos.customer import Customer
from tests.chaos.history import History, Sent
from tests.chaos.stage import Stage
from tests.chaos.wire import Answer, fetch
from tests.graphs.test_handoffs import ANNE, BEGINNING, BEN, REACHED
from tests.measured.figures import Section
from tests.servers.openai_wire import Fault, say

ASK = "let me talk to a person"
AGENTS = {ANNE: "anne@desk.example", BEN: "ben@desk.example"}
REPLICAS = 2
LOOKS = "48 looks over 10 days"


@dataclass(frozen=True, slots=True)
class Effort:
    """How often each situation is brought about, and how many races there are."""

    times: int
    races: int


@dataclass(slots=True)
class Office:
    """One tenant with two agents, open or closed for the day, and what went wrong in it."""

    stage: Stage
    tenant: Tenant
    open_now: bool
    history: History
    chance: random.Random = field(default_factory=lambda: random.Random(16))
    subjects: dict[UUID, UUID] = field(default_factory=dict)
    silent: list[str] = field(default_factory=list)
    unheard: list[str] = field(default_factory=list)

    @property
    def worker(self) -> Principal:
        """Who looks into the tenant's rows."""
        return Principal(self.tenant.id, "worker")

    async def staff(self) -> None:
        """The agents open the queue once, so that they can be given a conversation."""
        for who in AGENTS:
            await self._as_agent(who, "GET", "/api/v1/handoffs")

    async def bring_about(self, path: list[Move]) -> Customer:
        """A new conversation, led down a path of moves."""
        talk = self.history.begin(self.tenant.slug, f"c{len(self.history.talks)}@x.org")
        talk.handed = True
        customer = Customer(self.stage.fleet, talk, self.chance)
        await customer.say("hi")
        for move in path:
            await self._make(customer, move)
        return customer

    async def ask(self, customer: Customer, where: str) -> None:
        """Ask for a person, write once more, and be taken by one of them."""
        self._heard(await customer.say(ASK), where)
        handoff = await self.handoff(customer)
        if handoff is None or handoff.waiting_since is None:
            self.unheard.append(f"{where}: {handoff}")
            return
        self._heard(await customer.say("Are you there?"), where)
        who = self._agent_of(handoff) or ANNE
        taken = await self._act(handoff.id, who, "claim")
        said = await self._act(handoff.id, who, "reply", {"text": "Here I am."})
        if handoff.state != "human" and taken.status != 200:
            self.unheard.append(f"{where}: nobody could take it, {taken.body}")
        if said.status != 201:
            self.unheard.append(f"{where}: the agent was not heard, {said.body}")

    async def race(self, number: int) -> None:
        """An agent ends the conversation while its customer asks for a person."""
        customer = await self.bring_about([Move("request", "customer"), Move("claim", "agent", ANNE)])
        handoff = await self.handoff(customer)
        assert handoff is not None
        end = self.chance.choice(("return", "close"))
        asked, _ = await asyncio.gather(customer.say(ASK), self._act(handoff.id, ANNE, end))
        self._heard(asked, f"race {number} with {end}")
        # If the end came second, the customer was told that it ended; asking again must lead to the queue.
        await self.ask(customer, f"after race {number} with {end}")

    async def handoff(self, customer: Customer) -> Handoff | None:
        """The open handoff of a conversation."""
        assert customer.talk.id is not None
        async with self.stage.services.engine.database.tenant_tx(self.worker) as tx:
            return await handoffs.get_open(tx, ConversationId(UUID(customer.talk.id)))

    async def moves_by_itself(self) -> int:
        """The most that the timer alone does to one conversation, however often it looks."""
        for hours in range(0, 240, 5):
            await sweep(self.stage.services, datetime.now(UTC) + timedelta(hours=hours))
        async with self.stage.services.engine.database.tenant_tx(self.worker) as tx:
            cursor = await tx.execute(
                "select count(*) from audit where actor = 'worker' and action like 'handoff.%%'"
                " group by object order by 1 desc limit 1"
            )
            row = await cursor.fetchone()
        return int(row[0]) if row else 0

    def _heard(self, sent: Sent, where: str) -> None:
        texts = [reply["reply"]["text"].strip() for reply in sent.replies]
        if not texts or not all(texts):
            self.silent.append(f"{where}: {sent.message!r} was answered with {sent.told}")

    def _agent_of(self, handoff: Handoff) -> UUID | None:
        return next((who for who in AGENTS if self.subjects.get(who) == handoff.claimed_by), None)

    async def _make(self, customer: Customer, move: Move) -> None:
        match move.act:
            case "message":
                await customer.say("Which cards do you take?")
            case "request":
                await customer.say(ASK)
            case "offer":
                await customer.say("asdkjh qwe")
            case "closing_time" | "sla_passed":
                await self._pass_time(customer, move)
            case _:
                handoff = await self.handoff(customer)
                assert handoff is not None
                body = {"to": AGENTS.get(move.to) if move.to else None} if move.act == "transfer" else None
                words = {"text": "One moment."} if move.act == "reply" else None
                done = await self._act(handoff.id, move.who or ANNE, move.act, body or words, role=move.by)
                assert done.status < 300, (move, done)

    async def _pass_time(self, customer: Customer, move: Move) -> None:
        handoff = await self.handoff(customer)
        assert handoff is not None
        closed = replace(self.tenant.settings, office_hours=(_another_day(),))
        acting = Acting(self.stage.services, replace(self.tenant, settings=closed), self.worker)
        if move.act == "closing_time":
            await _make_ticket(acting, handoff, datetime.now(UTC))
        else:
            await _alarm(acting, handoff, datetime.now(UTC) + timedelta(days=30))

    async def _act(
        self, handoff_id: HandoffId, who: UUID, act: str, body: object = None, role: str = "agent"
    ) -> Answer:
        return await self._as_agent(who, "POST", f"/api/v1/handoffs/{handoff_id}/{act}", body, role)

    async def _as_agent(
        self, who: UUID, method: str, path: str, body: object = None, role: str = "agent"
    ) -> Answer:
        fleet = self.stage.fleet
        email = AGENTS[who]
        subject = await self.stage.services.engine.keys.subject(self.tenant.id, "deskgraph", email)
        self.subjects[who] = subject
        port = self.chance.choice(fleet.alive).port
        return await fetch(port, method, path, body, fleet.headers(email, self.tenant.slug, role))


def paths(*, open_now: bool) -> dict[Situation, list[Move]]:
    """The shortest way to every situation that can be reached while the office is open, or is not."""
    found: dict[Situation, list[Move]] = {BEGINNING: []}
    ahead = deque([BEGINNING])
    while ahead:
        here = ahead.popleft()
        for move, there in REACHED[here]:
            if there not in found and (move.act != "request" or move.office_open == open_now):
                found[there] = [*found[here], move]
                ahead.append(there)
    return found


def _another_day() -> str:
    return f"{DAYS[(datetime.now(UTC).weekday() + 3) % 7]} 09:00-17:00"


async def measure(stage: Stage, effort: Effort) -> Section:
    """P16."""
    section = Section.of("P16", "There is a way out", __doc__)
    history = History()
    with section.timed():
        async with open_bookshop(stage) as shop:
            shop.wire.script([say("We ", fault=Fault.CUT_MID_STREAM)])
            for _ in range(REPLICAS):
                await shop.replica()
            offices = [await _office(stage, history, open_now=open_now) for open_now in (True, False)]
            reached = 0
            for office in offices:
                for situation, path in paths(open_now=office.open_now).items():
                    for _ in range(effort.times):
                        customer = await office.bring_about(path)
                        await office.ask(customer, f"{situation}")
                    reached += 1
            for number in range(effort.races):
                await offices[0].race(number)
            moves = max([await office.moves_by_itself() for office in offices])
            verdict = await stage.settled(history)
            await stage.fleet.end_all()
    silent = [one for office in offices for one in office.silent]
    unheard = [one for office in offices for one in office.unheard]
    tries = f"{reached} situations x {effort.times}, {effort.races} races, {verdict.keys} turns"
    section.none("requests for a person not acknowledged in their turn", len(silent), tries)
    section.none("requests neither queued nor ticketed nor with an agent", len(unheard), tries)
    section.at_most(
        "moves of the timer alone in one conversation", moves, 2, "moves", "48 looks over 10 days"
    )
    section.none(
        "turns lost, doubled or changed", verdict.count("lost", "doubled", "changed", "stuck"), tries
    )
    section.notes += (silent + unheard)[:5] + [str(finding) for finding in verdict.findings[:3]]
    return section


async def _office(stage: Stage, history: History, *, open_now: bool) -> Office:
    hours = () if open_now else (_another_day(),)
    tenant = await stage.tenant(TenantSettings(office_hours=hours))
    office = Office(stage, tenant, open_now, history)
    await office.staff()
    return office
