"""What agents do with a handoff: claim, reply, transfer, return, close; each in one audited transaction."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson

from desk.domain import HandoffId, MessageId, SubjectId
from desk.errors import Conflict, KeyReused
from desk.storage import agent_replies, audit, handoff_events, handoffs
from desk.storage.agent_replies import AgentReply
from desk.storage.handoff_events import EventName, Said
from desk.storage.handoffs import Handoff
from desk.storage.pool import Tx
from graphs.handoffs.ground import Acting, change_to, holding, say, situation_of, when_quiet
from graphs.handoffs.machine import Actor, Move, Refusal, StaffAct, transition
from graphs.handoffs.office_hours import due_at
from prompts.replies import phrase

_REFUSALS: dict[Refusal, str] = {
    "not_allowed": "Only agents and admins may do that.",
    "not_open": "This conversation is not waiting for a person, or not any more.",
    "taken": "A colleague was quicker and has this conversation.",
    "not_yours": "Only who has claimed this conversation may do that.",
    "nothing_to_do": "There is nothing to do here any more.",
}


async def claim(acting: Acting, handoff_id: HandoffId) -> Handoff:
    """Take the conversation; of several agents at once exactly one gets it, the others get Conflict."""
    async with holding(acting, handoff_id) as (tx, handoff):
        return await _act(tx, acting, handoff, "claim", "claimed")


async def transfer(acting: Acting, handoff_id: HandoffId, to: SubjectId | None) -> Handoff:
    """Give the conversation to a colleague, or back to the queue."""
    async with holding(acting, handoff_id) as (tx, handoff):
        return await _act(tx, acting, handoff, "transfer", "claimed" if to else "queued", to=to)


async def give_back(acting: Acting, handoff_id: HandoffId) -> Handoff:
    """Return the conversation to the assistant, which answers the customer's next message."""
    return await _end(acting, handoff_id, "return", "returned")


async def close(acting: Acting, handoff_id: HandoffId) -> Handoff:
    """End what the person had to do; a later message of the customer reaches the assistant."""
    return await _end(acting, handoff_id, "close", "closed")


async def reply(acting: Acting, handoff_id: HandoffId, text: str, key: str) -> MessageId:
    """Say something to the customer; the same Idempotency-Key says it once, and gives the same message id.

    Raises KeyReused when the key came with another text or for another handoff before.
    """
    engine = acting.services.engine
    request_hash = engine.keys.keyed_hash(orjson.dumps([str(handoff_id), text]))
    titles = await engine.catalogue_terms(acting.tenant)

    async def say_once() -> MessageId:
        async with holding(acting, handoff_id, quiet=True) as (tx, handoff):
            earlier = await agent_replies.find(tx, acting.who, key)
            if earlier is None:
                said = await say(tx, acting, handoff, "agent", text, allowed=titles)
                await agent_replies.add(
                    tx, acting.who, handoff, key, AgentReply(said.message_id, request_hash)
                )
                await _act(tx, acting, handoff, "reply", "message", said=said)
                return said.message_id
            if earlier.request_hash != request_hash:
                raise KeyReused
            return earlier.message_id

    return await when_quiet(say_once)


async def _end(acting: Acting, handoff_id: HandoffId, act: StaffAct, event: EventName) -> Handoff:
    async def end() -> Handoff:
        async with holding(acting, handoff_id, quiet=True) as (tx, handoff):
            ended = await _act(tx, acting, handoff, act, event)
            said = await say(tx, acting, handoff, "assistant", phrase("handoff_ended", handoff.language))
            await handoff_events.add(tx, handoff.id, "message", said)
            return ended

    return await when_quiet(end)


async def _act(
    tx: Tx,
    acting: Acting,
    handoff: Handoff,
    act: StaffAct,
    event: EventName,
    *,
    to: SubjectId | None = None,
    said: Said | None = None,
) -> Handoff:
    """Make the move that the rules allow, with its audit row and its event; raises Conflict otherwise."""
    actor: Actor = "admin" if acting.who.scope == "admin" else "agent"
    after = transition(situation_of(handoff), Move(act, actor, acting.who.subject_id, to))
    if isinstance(after, str):
        raise Conflict(_REFUSALS[after])
    due = due_at(acting.tenant.settings, datetime.now(UTC))
    if not await handoffs.change(tx, handoff, change_to(after, due)):
        raise Conflict(_REFUSALS["taken"])
    detail = {"to": str(to)} if to else {"message": str(said.message_id)} if said else None
    await audit.record(tx, acting.who, f"handoff.{act}", str(handoff.id), detail)
    await handoff_events.add(tx, handoff.id, event, said)
    changed = await handoffs.get(tx, handoff.id)
    assert changed is not None, "the transaction holds its conversation"
    return changed
