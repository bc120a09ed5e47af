"""Is there a way out when there is no answer?"""

from __future__ import annotations

from evals.scorers.observed import Expected, Observed


def score_way_out(_expected: Expected, observed: Observed) -> bool | None:
    """Whether a fallback offers something to tap."""
    return bool(observed.reply["suggestions"]) if observed.reply["route"] == "fallback" else None
