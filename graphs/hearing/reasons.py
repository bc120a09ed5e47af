"""Reasons: why the router sent a message where it went, put together for who looks at the turn."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from desk.domain import Tenant
from desk.routing.router import ACCEPT_FROM, Reasons
from graphs.services import Services
from graphs.state import Decided
from prompts.choice import PromptChoice

NODE = "route_intent"

Step = dict[str, Any]


async def with_reasons(
    services: Services, tenant: Tenant, choice: PromptChoice, text: str, steps: list[Step]
) -> list[Step]:
    """The steps of a turn, that of the router with `reasons` among what it noted.

    `text` is the message as the router read it. Customers' turns never ask for this: it costs as much again
    as the decision, and is of the router as it is now.
    """
    shown = []
    for step in steps:
        if step["node"] != NODE:
            shown.append(step)
            continue
        reasons = await _of(services, tenant, choice, text, step)
        shown.append({**step, "noted": {**step.get("noted", {}), "reasons": reasons}})
    return shown


async def _of(services: Services, tenant: Tenant, choice: PromptChoice, text: str, step: Step) -> Step:
    """Nearest examples and rivals with their figures, and for each rival that lost, why; as plain data."""
    understanding = await services.understandings.of(tenant, choice)
    text = understanding.spelled(text)
    vector = (await services.engine.embedder.embed([text]))[0]
    found, told = understanding.route(text, vector), understanding.router.explain(text, vector)
    decided, needed = step["update"]["decision"], step.get("noted", {}).get("needed", ACCEPT_FROM)
    decided = decided if isinstance(decided, Decided) else Decided(**decided)
    lost = [(found.candidate, _why_not(found.confidence, found.candidate, decided, needed))]
    lost += [(rival.intent, _behind(told, place)) for place, rival in enumerate(told.rivals) if place]
    return {
        "nearest": [asdict(neighbour) for neighbour in told.nearest],
        "rivals": [asdict(rival) for rival in told.rivals],
        "outside": told.outside,
        "margin": found.margin,
        "confidence": found.confidence,
        "against": [{"intent": intent, "because": because} for intent, because in lost if because],
    }


def _why_not(confidence: float, intent: str, decided: Decided, needed: float | None) -> str:
    """Why the likeliest intent was not followed; empty where it was."""
    if decided.intent == intent:
        return ""
    if needed is None:
        return "its examples do not prove the promised error"
    if confidence < needed:
        return f"its confidence of {confidence:.3f} is below the {needed:.3f} that is needed"
    return f"a rule comes first: {decided.because}"


def _behind(told: Reasons, place: int) -> str:
    rival, first = told.rivals[place], told.rivals[0]
    return f"it scores {rival.score:.3f}, {first.score - rival.score:.3f} less than {first.intent}"
