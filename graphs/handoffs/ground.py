"""The ground of every act on a handoff: the conversation held still, and words said in it under its key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from desk.domain import HandoffId, MessageId, Principal, Role, SubjectId, Tenant, new_id
from desk.errors import Conflict, NotFound
from desk.privacy.pseudonyms import Vault, scrub
from desk.privacy.sealing import DataKey
from desk.storage import conversations, handoffs, messages
from desk.storage.handoff_events import Said
from desk.storage.handoffs import Handoff, HandoffChange
from desk.storage.messages import NewMessage
from desk.storage.pool import Tx
from graphs.commits.inbox import open_vault
from graphs.handoffs.machine import Situation
from graphs.services import Services

Result = TypeVar("Result")

_TRIES = 20
_PAUSE_SECONDS = 0.1


class TurnRunning(Exception):
    """A turn of the customer runs in this conversation right now."""


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts on a tenant's handoffs, with what: an agent, an admin, or a worker on the timer's behalf."""

    services: Services
    tenant: Tenant
    who: Principal

    def owner(self, handoff: Handoff) -> Principal:
        """The customer, under the actor's rights: whose rows are written and whose key seals them."""
        return Principal(self.tenant.id, self.who.scope, handoff.subject_id)


@asynccontextmanager
async def holding(
    acting: Acting, handoff_id: HandoffId, *, quiet: bool = False
) -> AsyncIterator[tuple[Tx, Handoff]]:
    """One transaction with the handoff as it is now, in which nobody else can change it.

    With `quiet` it also takes the place of a turn, for acts that write into the conversation or change who
    answers there: raises TurnRunning, see `when_quiet`. Raises NotFound for what the actor may not see.
    """
    found = await find(acting, handoff_id)
    if quiet:  # into the key ring's memory, so that the transaction below needs no second connection
        await acting.services.engine.keys.data_key(acting.owner(found))
    async with acting.services.engine.database.tenant_tx(acting.who) as tx:
        if quiet and not await handoffs.take_turn(tx, acting.who, found):
            raise TurnRunning
        handoff = await handoffs.lock(tx, found)
        if handoff is None:
            raise NotFound
        yield tx, handoff
        if quiet:
            await handoffs.leave_turn(tx, handoff)


async def find(acting: Acting, handoff_id: HandoffId) -> Handoff:
    """The handoff; raises NotFound for what the actor may not see."""
    async with acting.services.engine.database.tenant_tx(acting.who) as tx:
        found = await handoffs.get(tx, handoff_id)
    if found is None:
        raise NotFound
    return found


async def when_quiet(act: Callable[[], Awaitable[Result]]) -> Result:
    """Do it between two turns of the customer; raises Conflict when there was no pause for two seconds."""
    for _ in range(_TRIES):
        try:
            return await act()
        except TurnRunning:
            await asyncio.sleep(_PAUSE_SECONDS)
    raise Conflict("A message of the customer is just being taken in; try again in a moment.")


async def say(
    tx: Tx, acting: Acting, handoff: Handoff, role: Role, text: str, *, allowed: frozenset[str] = frozenset()
) -> Said:
    """Write a message into the conversation, scrubbed and sealed like the customer's; needs a quiet hold."""
    key = await acting.services.engine.keys.data_key(acting.owner(handoff))
    conversation = await conversations.get(tx, handoff.conversation_id)
    if conversation is None:
        raise NotFound
    patterns = acting.tenant.settings.order_patterns
    scrubbed = await asyncio.to_thread(
        scrub, text, open_vault(conversation, key), order_patterns=patterns, allowed_terms=allowed
    )
    message_id = MessageId(new_id())
    sealed = key.seal_text(scrubbed.text, aad=messages.text_aad(message_id))
    message = NewMessage(message_id, role, sealed, None if role == "agent" else "handoff")
    owner = acting.owner(handoff)
    await messages.add(tx, owner, handoff.conversation_id, handoff.turn_id, (message,))
    await conversations.record_turn(tx, conversation.id, _sealed_vault(handoff, key, scrubbed.vault), added=1)
    return Said(message_id, role)


def situation_of(handoff: Handoff) -> Situation:
    """The stored handoff as the rules see it."""
    return Situation(
        handoff.state,
        handoff.claimed_by,
        awaited=handoff.waiting_since is not None,
        escalated=handoff.escalated_at is not None,
    )


def change_to(after: Situation, due_at: datetime) -> HandoffChange:
    """What is stored of a situation that a move led to."""
    if after.state == "bot" or after.state == "offered":  # noqa: PLR1714 - narrows the type
        raise AssertionError("no act on a handoff leads back to before it")
    agent = SubjectId(after.agent) if after.agent else None
    return HandoffChange(after.state, agent, after.awaited, after.escalated, due_at)


def _sealed_vault(handoff: Handoff, key: DataKey, vault: Vault) -> bytes:
    return key.seal_json(vault.to_json(), aad=conversations.vault_aad(handoff.conversation_id))
