"""Scoring: what the scorers say of a scripted turn, and of a whole talk with a simulated customer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from evals.cases import Case, CaseTurn
from evals.scorers import SCORERS
from evals.scorers.observed import Expected, Observed
from evals.speakers import Met

Verdicts = dict[str, bool | None]

GOAL_MET: Final = "goal_met"
# These hold of every single reply; the others of all that was said, or of the reply that decided.
_OF_EVERY_REPLY: Final = frozenset({"support", "no_leak", "language", "way_out"})


def score_turn(turn: CaseTurn, observed: Observed) -> Verdicts:
    """Each scorer's verdict; None where the case does not ask it."""
    return {name: score(turn.expect, observed) for name, score in SCORERS.items()}


def score_talk(case: Case, met: Met) -> Verdicts:
    """The same of a talk, and whether its goal was met.

    Facts, citations, tools and offered actions are looked for in all replies together; the route is that of
    the reply that decided.
    """
    replies, whole = [one.observed for one in met.exchanges], together(met)
    verdicts: Verdicts = {
        name: _of_all(name, case.expect, replies) if name in _OF_EVERY_REPLY else score(case.expect, whole)
        for name, score in SCORERS.items()
    }
    return {**verdicts, GOAL_MET: met.ended == "goal met"}


def together(met: Met) -> Observed:
    """All replies as one; route, intent and language are those of the one that decided."""
    replies = [one.observed for one in met.exchanges]
    reply = {
        **replies[met.deciding].reply,
        "text": "\n".join(one.text for one in replies),
        "citations": _distinct([cited for one in replies for cited in one.reply["citations"]], "source_id"),
        "actions": _distinct([action for one in replies for action in one.reply["actions"]], "tool"),
    }
    tools = tuple(dict.fromkeys(tool for one in replies for tool in one.tools))
    return Observed(reply, "\n".join(one.shown for one in replies), tools)


def _of_all(name: str, expect: Expected, replies: Sequence[Observed]) -> bool | None:
    asked = [verdict for one in replies if (verdict := SCORERS[name](expect, one)) is not None]
    return all(asked) if asked else None


def _distinct(found: Sequence[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    return [*{one[key]: one for one in found}.values()]
