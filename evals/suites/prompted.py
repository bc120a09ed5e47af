"""The `prompted` suite: questions of knowledge, answered by a model that does as its prompt says."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from desk.domain import Tenant
from desk.models.fallback import FallbackModel
from evals.cases import Case
from evals.following import following_model
from evals.prompt_files import read_prompt
from evals.report import Report
from evals.suites.conversations import Manner, evaluate_conversations
from graphs.services import Services
from prompts.choice import PromptChoice
from prompts.loader import load_prompt

_SECONDS = 30.0


async def evaluate_prompted(
    services: Services, tenant: Tenant, cases: Sequence[Case], prompt: Path | None, manner: Manner
) -> Report:
    """The cases of one question that a page answers, with the newest prompt or with the text of a file."""
    chosen = read_prompt(prompt) if prompt else load_prompt("support")
    changed = copy.copy(services)
    changed.engine = replace(
        services.engine, model=FallbackModel([following_model()], total_seconds=_SECONDS)
    )
    changed.prompts = PromptChoice().with_prompt(chosen)
    asked = [_for_a_model(case) for case in cases if _is_of_knowledge(case)]
    return await evaluate_conversations("prompted", changed, tenant, asked, manner)


def _is_of_knowledge(case: Case) -> bool:
    return len(case.turns) == 1 and "faq" in case.turns[0].expect.routes


def _for_a_model(case: Case) -> Case:
    """The same, content with an answer in the model's words."""
    turn = case.turns[0]
    expect = replace(turn.expect, routes=(*turn.expect.routes, "model"))
    return replace(case, turns=(replace(turn, expect=expect),))
