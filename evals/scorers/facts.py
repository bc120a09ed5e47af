"""Does the answer hold the facts it must hold?"""

from __future__ import annotations

from evals.scorers.observed import Expected, Observed, folded


def score_facts(expected: Expected, observed: Observed) -> bool | None:
    """Whether every fact stands in the answer, in one of its spellings."""
    if not expected.facts:
        return None
    text = folded(observed.text)
    return all(any(folded(spelling) in text for spelling in fact) for fact in expected.facts)
