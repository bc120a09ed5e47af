"""The `bookshop` suite: whole conversations with the demo tenant, through the one way a turn is run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from desk.domain import ConversationId, Principal, Tenant
from desk.errors import Unavailable
from desk.events import Done, Failed, Revised, Token, ToolUsed, TurnEvent
from evals.asking import ISSUER, remove, running
from evals.cases import Case, CaseTurn
from evals.evidence import Evidence, evidence
from evals.report import Figures, Report, build_report, rounded
from evals.scorers import SCORERS
from evals.scorers.observed import Observed
from graphs.inbox import TurnRequest
from graphs.runner import TurnRunner
from graphs.services import Services
from graphs.streams import TurnStream

DEFINITION_VERSION = 1


@dataclass(frozen=True, slots=True)
class Judged:
    """A turn of a case: what it got, each scorer's verdict (None = not asked), how long it took."""

    case: Case
    number: int
    observed: Observed
    verdicts: dict[str, bool | None]

    @property
    def name(self) -> str:
        """The case and its turn, from 1."""
        return f"{self.case.id}:{self.number}"

    @property
    def failed(self) -> list[str]:
        """The scorers that found it wrong."""
        return [name for name, verdict in self.verdicts.items() if verdict is False]


async def evaluate_bookshop(
    services: Services, tenant: Tenant, cases: Sequence[Case], on_case: Callable[[], None] = lambda: None
) -> Report:
    """Every case as a conversation of its own, removed at its end; `tenant` is the loaded demo bookshop.

    `passed` = cases whose every turn passed every scorer; the other figures are shares of the turns that were
    asked. Raises Unavailable when a turn fails as a whole.
    """
    judged: list[Judged] = []
    async with running(services) as runner:
        for case in cases:
            judged += await _play(services, runner, tenant, case)
            on_case()
    by_source: dict[str, list[Judged]] = defaultdict(list)
    for turn in judged:
        by_source[turn.case.source].append(turn)
    report = build_report(
        "bookshop",
        DEFINITION_VERSION,
        {source: _figures(turns) for source, turns in sorted(by_source.items())},
        _figures(judged),
        [turn.observed.reply["ms"] for turn in judged],
        {source: _evidence(turns) for source, turns in by_source.items()},
    )
    return {**report, "failed": [_failure(turn) for turn in judged if turn.failed]}


async def _play(services: Services, runner: TurnRunner, tenant: Tenant, case: Case) -> list[Judged]:
    subject = await services.engine.keys.subject(tenant.id, ISSUER, case.person or f"guest-{case.id}")
    principal = Principal(tenant.id, "user", subject, case.person)
    conversation: ConversationId | None = None
    judged = []
    try:
        for number, turn in enumerate(case.turns, 1):
            request = TurnRequest(turn.say, str(uuid4()), conversation, channel="evals")
            stream = await runner.submit(principal, tenant, request)
            conversation = stream.conversation_id
            judged.append(_judge(case, number, turn, await _observe(stream, case)))
    finally:
        if conversation is not None:
            await remove(services, principal, conversation)
    return judged


async def _observe(stream: TurnStream, case: Case) -> Observed:
    events: list[TurnEvent] = [event async for _, event in stream.read()]
    last = events[-1]
    if isinstance(last, Failed):
        raise Unavailable(f"Case {case.id}: the turn failed: {last.problem['detail']}")
    assert isinstance(last, Done)
    shown = [event.text for event in events if isinstance(event, Token | Revised)]
    tools = tuple(event.tool for event in events if isinstance(event, ToolUsed) and event.state == "started")
    reply = {**last.reply["reply"], "ms": last.reply["timings_ms"]["total"]}
    return Observed(reply, "\n".join([*shown, "".join(shown)]), tools)


def _judge(case: Case, number: int, turn: CaseTurn, observed: Observed) -> Judged:
    verdicts = {name: score(turn.expect, observed) for name, score in SCORERS.items()}
    return Judged(case, number, observed, verdicts)


def _evidence(judged: Sequence[Judged]) -> dict[str, Evidence]:
    passed: dict[str, float] = {}
    for turn in judged:
        passed[turn.case.id] = min(passed.get(turn.case.id, 1.0), float(not turn.failed))
    asked = {
        name: {turn.name: float(verdict) for turn in judged if (verdict := turn.verdicts[name]) is not None}
        for name in SCORERS
    }
    return {name: evidence("share", items) for name, items in {"passed": passed, **asked}.items()}


def _figures(judged: Sequence[Judged]) -> Figures:
    cases = len({turn.case.id for turn in judged})
    shares = {name: rounded(found.figure()) for name, found in _evidence(judged).items()}
    return {"n": cases, "turns": len(judged), **shares}


def _failure(turn: Judged) -> dict[str, Any]:
    reply = turn.observed.reply
    return {
        "case": turn.name,
        "said": turn.case.turns[turn.number - 1].say,
        "failed": turn.failed,
        "got": {key: reply[key] for key in ("route", "intent", "language", "text")},
        "cited": [citation["source_id"] for citation in reply["citations"]],
        "tools": list(turn.observed.tools),
    }
