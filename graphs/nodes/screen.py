"""screen: size, language, obvious abuse and likely injection. A flagged message goes on, without a model."""

from __future__ import annotations

import re

from langgraph.runtime import Runtime

from desk.privacy.language import detect_language
from desk.routing.injection.detector import is_injection
from graphs.state import TurnContext, TurnState
from prompts.replies import LANGUAGES, spoken_language

LONGEST_MESSAGE = 4000

_ABUSE = re.compile(
    r"\b(?:f+u+c+k+ (?:you|u|off)|go to hell|kill yourself|you (?:\w+ )?(?:bitch|bastard|asshole|moron|idiot)"
    r"|piece of shit|stupid bot|shut up|fick dich|arschloch|va te faire foutre|connard|hijo de puta"
    r"|vaffanculo|klootzak|vai te foder)\b",
    re.IGNORECASE,
)


async def screen(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """Look at the raw message before anything else does."""
    context = runtime.context
    language = detect_language(
        context.text[:500],
        previous=state.get("language"),
        supported=LANGUAGES,
        default=spoken_language(context.locale or context.tenant.settings.locale),
    )
    return {"flags": tuple(_flags(context.text)), "language": language}


def refuses(state: TurnState) -> bool:
    """Whether the message is not answered at all."""
    return "too_long" in state["flags"] or "abuse" in state["flags"]


def allows_model(state: TurnState) -> bool:
    """Whether a model may see the message, and what changes something may be offered."""
    return not state["flags"]


def _flags(text: str) -> list[str]:
    flags = ["too_long"] if len(text) > LONGEST_MESSAGE else []
    head = text[:LONGEST_MESSAGE]
    if _ABUSE.search(head):
        flags.append("abuse")
    if is_injection(head):
        flags.append("injection")
    return flags
