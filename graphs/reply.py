"""The reply object of the contract, from what a turn decided and measured."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from desk.domain import Answer
from desk.privacy.pseudonyms import Vault, restore, restore_json
from graphs.state import TurnContext


def build_reply(answer: Answer, context: TurnContext, *, total_ms: float) -> dict[str, Any]:
    """The reply with pseudonyms still in its text: this is what is stored; see `restored`."""
    return {
        "turn_id": str(context.turn_id),
        "conversation_id": str(context.conversation_id),
        "reply": {
            "text": answer.text,
            "language": answer.language,
            "route": answer.route,
            "intent": answer.intent,
            "confidence": None if answer.confidence is None else round(answer.confidence, 4),
            "citations": [asdict(citation) for citation in answer.citations],
            "actions": [asdict(action) for action in answer.actions],
            "suggestions": list(answer.suggestions),
        },
        "prompt": asdict(context.prompt) if context.prompt else None,
        "model": context.model,
        "bundle": context.bundle,
        "usage": asdict(context.usage),
        "timings_ms": {"total": round(total_ms, 3), **_node_times(context.steps)},
    }


def restored(reply: dict[str, Any], vault: Vault) -> dict[str, Any]:
    """The reply as its own customer sees it: pseudonyms turned back into their values."""
    inner = reply["reply"]
    text, actions = restore(inner["text"], vault), restore_json(inner["actions"], vault)
    return {**reply, "reply": {**inner, "text": text, "actions": actions}}


def _node_times(steps: list[dict[str, Any]]) -> dict[str, float]:
    times: dict[str, float] = {}
    for step in steps:
        times[step["node"]] = round(times.get(step["node"], 0.0) + step["ms"], 3)
    return times
