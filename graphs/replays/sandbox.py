"""The sandbox: a recorded turn goes on from one of its nodes, changed, and nothing comes of it.

It has no ledger, no commit and no conversation: what would act is answered in memory, what would be written
is dropped. It reads as the customer whose turn it was, and what it says stays in pseudonyms.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from langgraph.graph import START

from desk.domain import ConversationId, Principal, Tenant, TurnId, new_id
from desk.errors import InvalidInput
from desk.events import Step, ToolUsed, TurnEvent
from desk.privacy.pseudonyms import Vault, restore
from desk.storage import budgets
from graphs.acting.ledger import Ledger
from graphs.brake import Brake
from graphs.flow import Flow
from graphs.replays.harmless import NoLedger, harmless
from graphs.replays.recorded import Recorded, State, states_of, typed
from graphs.reply import build_reply
from graphs.services import Services
from graphs.state import TurnContext, TurnState
from graphs.tuning import Tuning
from graphs.turn import flow_of
from prompts.choice import PromptChoice


@dataclass(frozen=True, slots=True)
class Fork:
    """Where a run leaves the recorded turn, and what is different from there on.

    `at` is the place of a step: the run begins with its node. `state` is laid over the state before it, as
    JSON; `message` stands for what the customer wrote, in pseudonyms.
    """

    at: int
    state: State = field(default_factory=dict)
    message: str | None = None
    tuning: Tuning = field(default_factory=Tuning)
    prompts: PromptChoice = field(default_factory=PromptChoice)


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a run: the reply with pseudonyms, the steps from the fork on, and what was not done."""

    reply: dict[str, Any]
    steps: tuple[dict[str, Any], ...]
    tools: tuple[str, ...]
    withheld: tuple[str, ...]
    wants_person: bool
    kept: State = field(default_factory=dict, repr=False)


async def run_fork(
    services: Services, recorded: Recorded, fork: Fork, emit: Callable[[Step], None] = lambda _: None
) -> Run:
    """Run on from the fork; raises InvalidInput for a fork that cannot be, and whatever a node raises.

    Whoever opened the turn pays for models; if that is nobody in particular, the tenant alone.
    """
    state = check_fork(services, recorded, fork)
    flow, node = flow_of(services), recorded.steps[fork.at]["node"]
    ledger = NoLedger()
    tools: list[str] = []
    context = _context(services, recorded, fork, ledger, _heard(emit, tools))
    return await _run(flow, node, state, context, ledger, tools)


def check_fork(services: Services, recorded: Recorded, fork: Fork) -> State:
    """The state that the run would begin with; raises InvalidInput for a fork that cannot be."""
    if recorded.start is None:
        raise InvalidInput("The steps of this turn are not kept from their start, so it cannot be forked.")
    if not 0 <= fork.at < len(recorded.steps):
        raise InvalidInput(f"This turn has {len(recorded.steps)} steps, the first of which is 0.")
    return _changed(states_of(recorded, flow_of(services))[fork.at], fork)


def _changed(state: State, fork: Fork) -> State:
    unknown = sorted(fork.state.keys() - TurnState.__annotations__.keys())
    if unknown:
        raise InvalidInput(f"The state has nothing named {', '.join(unknown)}.")
    try:
        changed = typed(fork.state)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InvalidInput("A changed value does not have the form that the state has there.") from error
    if fork.message is not None and "text" in state:
        changed.setdefault("text", fork.message)
    return {**state, **changed}


def _heard(emit: Callable[[Step], None], tools: list[str]) -> Callable[[TurnEvent], None]:
    """Only steps are told: tokens are restored text, and nobody here is the customer."""

    def hear(event: TurnEvent) -> None:
        if isinstance(event, Step):
            emit(event)
        elif isinstance(event, ToolUsed) and event.state == "started":
            tools.append(event.tool)

    return hear


def _context(
    services: Services,
    recorded: Recorded,
    fork: Fork,
    ledger: Ledger,
    emit: Callable[[TurnEvent], None],
) -> TurnContext:
    return TurnContext(
        turn_id=TurnId(new_id()),
        conversation_id=ConversationId(new_id()),
        principal=recorded.principal,
        tenant=_held_to(recorded.viewer, recorded.tenant),
        text=said_in(recorded, fork),
        locale=recorded.locale,
        now=recorded.now or datetime.now(UTC),
        services=harmless(services),
        ledger=ledger,
        vault=recorded.vault,
        emit=emit,
        brake=Brake(),
        confirm=recorded.asked.get("confirm"),
        tuning=fork.tuning,
        prompts=fork.prompts,
        start=dict(recorded.start or {}),
        payer=recorded.viewer,
    )


def said_in(recorded: Recorded, fork: Fork | None = None) -> str:
    """What the customer wrote, or writes in the fork, raw."""
    written = fork.state.get("text", fork.message) if fork else None
    return restore(written, recorded.vault) if isinstance(written, str) else _said(recorded)


def _said(recorded: Recorded) -> str:
    """What the customer wrote; a tap on an action wrote nothing, and its text was said for it."""
    if recorded.asked["message"]:
        return str(recorded.asked["message"])
    said = next((step["update"]["text"] for step in recorded.steps if "text" in step["update"]), "")
    return restore(said, recorded.vault)


class Talk:
    """A conversation in the sandbox, from its first message on; it lives in memory alone.

    `who` is whom it reads as, and who pays. Where a person would have taken over, `over` is true, and nothing
    more is run.
    """

    def __init__(
        self, services: Services, tenant: Tenant, who: Principal, tuning: Tuning, prompts: PromptChoice
    ) -> None:
        self._services = services
        self._tenant = _held_to(who, tenant)
        self._who = who
        self._tuning = tuning
        self._prompts = prompts
        self._state: State = {}
        self.vault = Vault()
        self.over = False

    async def say(self, text: str) -> Run:
        """One turn; raises whatever a node raises."""
        flow, ledger = flow_of(self._services), NoLedger()
        tools: list[str] = []
        context = TurnContext(
            turn_id=TurnId(new_id()),
            conversation_id=ConversationId(new_id()),
            principal=self._who,
            tenant=self._tenant,
            text=text,
            locale=None,
            now=datetime.now(UTC),
            services=harmless(self._services),
            ledger=ledger,
            vault=self.vault,
            emit=_heard(lambda _: None, tools),
            brake=Brake(),
            tuning=self._tuning,
            prompts=self._prompts,
            start=self._state,
            payer=self._who,
        )
        run = await _run(flow, START, self._state, context, ledger, tools)
        self._state, self.vault, self.over = run.kept, context.vault, run.wants_person
        return run


async def _run(
    flow: Flow, node: str, state: State, context: TurnContext, ledger: NoLedger, tools: list[str]
) -> Run:
    began = time.perf_counter()
    try:
        ended = await flow.run_from(node, state, context)
    finally:
        await _pay(context)
    reply = build_reply(ended["answer"], context, total_ms=(time.perf_counter() - began) * 1000)
    withheld, wants_person = tuple(ledger.withheld), context.handoff is not None
    return Run(reply, tuple(context.steps), tuple(tools), withheld, wants_person, flow.kept(ended))


def _held_to(payer: Principal, tenant: Tenant) -> Tenant:
    """The tenant with the budgets that bind: those of a person, only if a person pays."""
    if payer.subject_id is not None:
        return tenant
    free = replace(tenant.settings, user_budget_usd_per_day=None, user_budget_usd_per_month=None)
    return replace(tenant, settings=free)


async def _pay(context: TurnContext) -> None:
    """What models cost here is spent like any other money of the tenant, and of whoever tries it out."""
    cost, payer = context.usage.cost_usd, context.payer
    if payer is None or (cost <= 0 and not budgets.are_set(context.tenant.settings)):
        return
    async with context.services.engine.database.tenant_tx(Principal(payer.tenant_id, "worker")) as tx:
        await budgets.settle_run(tx, payer, context.turn_id, cost)
