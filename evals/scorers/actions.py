"""Were the right actions offered, and no others?"""

from __future__ import annotations

from evals.scorers.observed import Expected, Observed


def score_actions(expected: Expected, observed: Observed) -> bool | None:
    """Whether exactly the tools that the case names were offered; without a word of it, none may be."""
    offered = sorted(action["tool"] for action in observed.reply["actions"])
    return offered == sorted(expected.actions)
