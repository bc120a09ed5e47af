"""The outcome of a turn, sealed under its customer's key: what the final commit keeps of it."""

from __future__ import annotations

from typing import Any, Literal

from desk.domain import MessageId, Role, Route, new_id
from desk.storage import conversations, messages, steps, turns
from desk.storage.checkpoint_rows import CheckpointRow
from desk.storage.messages import NewMessage
from desk.storage.turn_commits import Outcome
from graphs.commits.inbox import AcceptedTurn
from graphs.state import TurnContext
from graphs.steps import steps_of


def seal_outcome(
    context: TurnContext,
    turn: AcceptedTurn,
    asked: str,
    told: str,
    reply: dict[str, Any],
    checkpoint: CheckpointRow | None,
    *,
    state: Literal["done", "cancelled"] = "done",
    problem: dict[str, Any] | None = None,
) -> Outcome:
    """Everything that the final commit writes; `asked` and `told` hold pseudonyms, `told` may be empty.

    The reply object tells the route and the intent.
    """
    key, claim, told_as = turn.key, turn.claim, reply["reply"]
    return Outcome(
        state=state,
        reply_sealed=key.seal_json(reply, aad=turns.reply_aad(claim.turn_id)),
        vault_sealed=key.seal_json(
            context.vault.to_json(), aad=conversations.vault_aad(claim.conversation_id)
        ),
        steps_sealed=key.seal_json(steps_of(context), aad=steps.steps_aad(claim.turn_id)),
        asked=_sealed(turn, "user", asked, None),
        told=_sealed(turn, "assistant", told, told_as["route"]) if told else None,
        checkpoint=checkpoint,
        route=told_as["route"] if state == "done" else None,
        intent=told_as["intent"] if state == "done" else None,
        problem=problem,
        model=context.model,
        usage=context.usage,
        bundle=context.bundle,
        prompt=context.prompt,
        prompt_label=context.prompts.label(context.prompt.name) if context.prompt else None,
    )


def _sealed(turn: AcceptedTurn, role: Role, text: str, route: Route | None) -> NewMessage:
    message_id = MessageId(new_id())
    return NewMessage(message_id, role, turn.key.seal_text(text, aad=messages.text_aad(message_id)), route)
