"""Are the right sources cited?"""

from __future__ import annotations

from evals.scorers.observed import Expected, Observed


def score_citations(expected: Expected, observed: Observed) -> bool | None:
    """Whether one of the expected sources is cited; if none is expected, whether nothing is."""
    if expected.citations is None:
        return None
    cited = {citation["source_id"] for citation in observed.reply["citations"]}
    return bool(cited & set(expected.citations)) if expected.citations else not cited
