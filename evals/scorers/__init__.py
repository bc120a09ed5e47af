"""Scorers: each judges one thing about a turn, or says that the case does not ask it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from evals.scorers.actions import score_actions
from evals.scorers.citations import score_citations
from evals.scorers.facts import score_facts
from evals.scorers.language import score_language
from evals.scorers.no_leak import score_no_leak
from evals.scorers.observed import Scorer
from evals.scorers.route import score_route
from evals.scorers.support import score_support
from evals.scorers.tools_called import score_tools
from evals.scorers.way_out import score_way_out

SCORERS: Mapping[str, Scorer] = MappingProxyType(
    {
        "route": score_route,
        "facts": score_facts,
        "citations": score_citations,
        "support": score_support,
        "tools": score_tools,
        "actions": score_actions,
        "no_leak": score_no_leak,
        "language": score_language,
        "way_out": score_way_out,
    }
)
