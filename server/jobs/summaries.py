"""Summaries: what a model is told of the part of a long conversation that its window no longer holds."""

from __future__ import annotations

from typing import Any

from desk.domain import Principal, Tenant
from desk.errors import NotFound
from desk.privacy.sealing import SealBroken
from desk.storage import summaries
from desk.storage.summaries import Outgrown
from desk.telemetry.broken_seals import note_broken
from graphs.state import WINDOW
from server.jobs.workplace import Workplace

BATCH = 20
TURNS = 200


async def summarise_conversations(place: Workplace, tenant: Tenant) -> bool:
    """Summarise a batch of those that grew by a window since the last time; True when more may be left.

    A conversation with a running turn is left for the next time: nobody but a turn writes while one runs. One
    that does not open is passed over, until it has grown by another window.
    """
    async with place.tx(tenant) as tx:
        found = await summaries.outgrown(tx, window=WINDOW, limit=BATCH)
    done = [await _summarise(place, tenant, conversation) for conversation in found]
    return len(found) == BATCH and any(done)


async def _summarise(place: Workplace, tenant: Tenant, conversation: Outgrown) -> bool:
    try:
        return await _write_summary(place, tenant, conversation)
    except NotFound:
        return False  # erased since
    except SealBroken:
        note_broken("conversation", tenant.id, conversation.id)
    async with place.tx(tenant) as tx:
        await summaries.pass_over(tx, conversation.id)
    return True


async def _write_summary(place: Workplace, tenant: Tenant, conversation: Outgrown) -> bool:
    key = await place.keys.data_key(Principal(tenant.id, "worker", conversation.subject_id))
    async with place.tx(tenant) as tx:
        if not await summaries.hold(tx, conversation.id):
            return False
        state = await summaries.read_state(tx, tenant.id, conversation, key)
        intents = await summaries.intents(tx, conversation.id, limit=TURNS)
        await summaries.store(tx, tenant.id, conversation, key, summary_of(intents, state or {}))
    return True


def summary_of(intents: list[str], state: dict[str, Any]) -> str:
    """The summary: topics in the order of their last mention, and the order numbers; none of the words."""
    topics = ", ".join(intent.replace("_", " ") for intent in intents)
    orders = ", ".join(state.get("topic", {}).get("order_ids", ()))
    parts = (f"Topics so far: {topics}." if topics else "", f"Order numbers: {orders}." if orders else "")
    return " ".join(part for part in parts if part)
