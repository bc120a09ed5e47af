"""Were the right tools called, and no others?"""

from __future__ import annotations

from evals.scorers.observed import Expected, Observed


def score_tools(expected: Expected, observed: Observed) -> bool | None:
    """Whether the set of the called tools is the expected one."""
    return None if expected.tools is None else set(observed.tools) == set(expected.tools)
