"""History: messages as people read them, each answer with its sources and what may still be tapped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from desk.domain import ConversationId, MessageId, Principal, TenantId, TurnId
from desk.privacy.pseudonyms import Vault, restore
from desk.privacy.sealing import DataKey
from desk.storage import conversations, feedback, messages, turns
from desk.storage.messages import Message
from desk.storage.pool import Tx
from desk.subjects.reading import UNREADABLE, message_or_pass, reply_or_pass
from graphs.commits.inbox import open_vault
from graphs.reply import restored


@dataclass(frozen=True, slots=True)
class Page:
    """Messages of one person, still sealed, and all that showing them takes.

    `latest` are those after which nothing was said in their conversation.
    """

    tenant_id: TenantId
    key: DataKey
    messages: Sequence[Message]
    vaults: dict[ConversationId, Vault]
    replies: dict[TurnId, bytes]
    ratings: dict[TurnId, feedback.Rating]
    latest: frozenset[MessageId]


async def read_page(tx: Tx, principal: Principal, key: DataKey, found: Sequence[Message]) -> Page:
    """The page of these messages; `key` is their owner's."""
    talks = {message.conversation_id for message in found}
    answered = {message.turn_id for message in found if message.role == "assistant"}
    return Page(
        principal.tenant_id,
        key,
        found,
        await _vaults(tx, key, talks),
        await turns.list_replies(tx, list(answered)),
        await feedback.given(tx, principal, answered),
        await messages.latest(tx, list(talks)),
    )


def show_page(page: Page, now: datetime) -> list[dict[str, Any]]:
    """Each message as its owner reads it. Opens one seal or two each, so a long page takes milliseconds."""
    return [_shown(page, message) | _below(page, message, now) for message in page.messages]


def shown_text(message: Message, tenant_id: TenantId, key: DataKey, vault: Vault) -> str:
    """A message as people read it; one whose seal is broken hides none of the others."""
    text = message_or_pass(key, message.text_sealed, tenant_id=tenant_id, row=message.id)
    return UNREADABLE if text is None else restore(text, vault)


def _shown(page: Page, message: Message) -> dict[str, Any]:
    return {
        "id": str(message.id),
        "turn_id": str(message.turn_id),
        "conversation_id": str(message.conversation_id),
        "role": message.role,
        "text": shown_text(message, page.tenant_id, page.key, page.vaults[message.conversation_id]),
        "route": message.route,
        "rating": page.ratings.get(message.turn_id) if message.role == "assistant" else None,
        "created_at": message.created_at.isoformat(),
    }


def _below(page: Page, message: Message, now: datetime) -> dict[str, Any]:
    """What stands below an answer. What may be tapped goes with the next message, an offer also with time."""
    sealed = page.replies.get(message.turn_id) if message.role == "assistant" else None
    reply = reply_or_pass(page.key, sealed, tenant_id=page.tenant_id, row=message.turn_id)
    if reply is None:
        return {"citations": [], "actions": [], "suggestions": []}
    told = restored(reply, page.vaults[message.conversation_id])["reply"]
    last = message.id in page.latest
    still = [one for one in told["actions"] if datetime.fromisoformat(one["expires_at"]) > now]
    return {
        "citations": told["citations"],
        "actions": still if last else [],
        "suggestions": told["suggestions"] if last else [],
    }


async def _vaults(tx: Tx, key: DataKey, talks: set[ConversationId]) -> dict[ConversationId, Vault]:
    """The pseudonym vault of each conversation."""
    vaults: dict[ConversationId, Vault] = {}
    for conversation_id in talks:
        conversation = await conversations.get(tx, conversation_id)
        vaults[conversation_id] = open_vault(conversation, key) if conversation else Vault()
    return vaults
