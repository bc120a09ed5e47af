"""Suites of whole conversations with the demo tenant: cases are played, scored turn by turn, and counted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from desk.domain import Tenant
from evals.cases import Case
from evals.evidence import Evidence, evidence
from evals.judges import Answered
from evals.judging import Judging, with_judgement
from evals.pass_hat import flaky, pass_hat_evidence
from evals.playing import Stage, staged, talking
from evals.report import Figures, Report, build_report, rounded
from evals.scorers import SCORERS
from evals.scorers.observed import Observed
from evals.scoring import GOAL_MET, Verdicts, score_talk, score_turn, together
from evals.speakers import Casting, Ended, Exchange, RuleCustomer, meet
from graphs.services import Services

DEFINITION_VERSION = 1
# These say that there is no answer; whether one is good cannot be asked.
_NO_ANSWER = frozenset({"handoff", "fallback", "refused"})


@dataclass(frozen=True, slots=True)
class Manner:
    """How cases are played: how often each, which judge the answers go before, who plays the customers."""

    times: int = 1
    judging: Judging | None = None
    casting: Casting = RuleCustomer


ONCE = Manner()


@dataclass(frozen=True, slots=True)
class Judged:
    """What was judged in one play of a case: a scripted turn, or a whole talk with a simulated customer.

    `observed` is what the scorers saw, with each one's verdict or None; `ended` is a talk's end.
    """

    case: Case
    play: int
    name: str
    exchanges: tuple[Exchange, ...]
    observed: Observed
    verdicts: Verdicts
    ended: Ended | None = None

    @property
    def failed(self) -> list[str]:
        """The scorers that found it wrong."""
        return [name for name, verdict in self.verdicts.items() if verdict is False]


async def evaluate_conversations(
    suite: str, services: Services, tenant: Tenant, cases: Sequence[Case], manner: Manner = ONCE
) -> Report:
    """Every case as often as it is asked for, each play a conversation of its own with the demo bookshop.

    `passed` = cases whose every turn passed every scorer; the other figures are shares of the turns that were
    asked; both of the first play. `pass_hat_k` is of all plays, and `flaky` lists the cases whose plays
    differ. Raises Unavailable when a turn fails as a whole.
    """
    judged: list[Judged] = []
    async with staged(services, tenant) as stage:
        for case in cases:
            for play in range(1, manner.times + 1):
                judged += await _play(stage, case, play, manner.casting)
    by_source: dict[str, list[Judged]] = defaultdict(list)
    for turn in judged:
        by_source[turn.case.source].append(turn)
    report = build_report(
        suite,
        DEFINITION_VERSION,
        {source: _figures(turns) for source, turns in sorted(by_source.items())},
        _figures(judged),
        [one.observed.reply["ms"] for turn in judged for one in turn.exchanges],
        {source: _evidence(turns) for source, turns in by_source.items()},
    )
    report |= {
        "times": manner.times,
        "failed": [_failure(turn) for turn in judged if turn.failed],
        "flaky": flaky(_plays(judged)),
        "talks": [_told(turn) for turn in judged if turn.play == 1],
    }
    if manner.judging is None:
        return report
    return await with_judgement(report, manner.judging, _answers(judged))


def _answers(judged: Sequence[Judged]) -> list[tuple[str, Answered]]:
    """What a judge may look at, with its source: the answers of the first play."""
    return [
        (turn.case.source, Answered(name, one.said, one.observed.text, _quotes(one.observed)))
        for turn in judged
        if turn.play == 1
        for name, one in _named(turn)
        if one.observed.reply["route"] not in _NO_ANSWER
    ]


def _named(turn: Judged) -> list[tuple[str, Exchange]]:
    if turn.ended is None:
        return [(turn.name, turn.exchanges[0])]
    return [(f"{turn.name}:{number}", one) for number, one in enumerate(turn.exchanges, 1)]


def _quotes(observed: Observed) -> tuple[str, ...]:
    return tuple(f"{cited['title']}: {cited['quote']}" for cited in observed.reply["citations"])


async def _play(stage: Stage, case: Case, play: int, casting: Casting) -> list[Judged]:
    async with talking(stage, case.id, case.person) as talk:
        if case.customer is not None:
            met = await meet(casting, case.customer, talk)
            verdicts = score_talk(case, met)
            return [Judged(case, play, case.id, met.exchanges, together(met), verdicts, met.ended)]
        judged = []
        for number, turn in enumerate(case.turns, 1):
            observed = await talk.say(turn.say)
            exchange, verdicts = Exchange(turn.say, observed), score_turn(turn, observed)
            judged.append(Judged(case, play, f"{case.id}:{number}", (exchange,), observed, verdicts))
        return judged


def _plays(judged: Sequence[Judged]) -> dict[str, list[bool]]:
    """Whether each play of a case passed as a whole."""
    passed: dict[str, dict[int, bool]] = defaultdict(dict)
    for turn in judged:
        plays = passed[turn.case.id]
        plays[turn.play] = plays.get(turn.play, True) and not turn.failed
    return {case: [*plays.values()] for case, plays in passed.items()}


def _evidence(judged: Sequence[Judged]) -> dict[str, Evidence]:
    first = [turn for turn in judged if turn.play == 1]
    passed = {case: float(plays[0]) for case, plays in _plays(first).items()}
    scorers = [*SCORERS, *([GOAL_MET] if any(turn.ended for turn in first) else [])]
    asked: Mapping[str, dict[str, float]] = {
        name: {
            turn.name: float(verdict) for turn in first if (verdict := turn.verdicts.get(name)) is not None
        }
        for name in scorers
    }
    shares = {name: evidence("share", items) for name, items in {"passed": passed, **asked}.items()}
    return shares | pass_hat_evidence(_plays(judged))


def _figures(judged: Sequence[Judged]) -> Figures:
    first = [turn for turn in judged if turn.play == 1]
    shares = {name: rounded(found.figure()) for name, found in _evidence(judged).items()}
    turns = sum(len(turn.exchanges) for turn in first)
    return {"n": len({turn.case.id for turn in first}), "turns": turns, **shares}


def _failure(turn: Judged) -> dict[str, Any]:
    """What went wrong; of a talk also how it ended, and every word of it."""
    reply = turn.observed.reply
    talk = {} if turn.ended is None else {"ended": turn.ended, "transcript": _transcript(turn)}
    return {
        "case": turn.name,
        "play": turn.play,
        "said": turn.exchanges[0].said,
        "failed": turn.failed,
        "got": {key: reply[key] for key in ("route", "intent", "language", "text")},
        "cited": [citation["source_id"] for citation in reply["citations"]],
        "tools": list(turn.observed.tools),
        **talk,
    }


def _told(turn: Judged) -> dict[str, Any]:
    ms = sum(one.observed.reply["ms"] for one in turn.exchanges)
    return {"case": turn.case.id, "exchanges": _transcript(turn), "ms": ms}


def _transcript(turn: Judged) -> list[dict[str, str]]:
    return [
        {"customer": one.said, "desk": one.observed.text, "route": one.observed.reply["route"]}
        for one in turn.exchanges
    ]
