"""Is the answer in the customer's language?"""

from __future__ import annotations

from evals.scorers.observed import Expected, Observed


def score_language(expected: Expected, observed: Observed) -> bool | None:
    """Whether the reply says it is in the expected language."""
    return None if expected.language is None else observed.reply["language"] == expected.language
