"""Did the turn take the right route, with the right intent?"""

from __future__ import annotations

from evals.scorers.observed import Expected, Observed


def score_route(expected: Expected, observed: Observed) -> bool | None:
    """Whether the route is one of those expected, and the intent is the one that was named, if any."""
    if not expected.routes:
        return None
    right_intent = expected.intent is None or observed.reply["intent"] == expected.intent
    return observed.reply["route"] in expected.routes and right_intent
