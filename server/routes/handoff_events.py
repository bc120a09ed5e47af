"""Live events of handoffs: the whole tenant's for agents, a conversation's own for its customer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response

from desk.domain import ConversationId, MessageId, Principal
from desk.errors import NotFound
from desk.storage import conversations, handoff_events, messages
from desk.storage.handoff_events import HandoffEvent
from graphs.commits.inbox import open_vault
from server.auth import Caller
from server.deps import CurrentCaller, CurrentDesk, Desk
from server.history import shown_text
from server.live import live_frame, live_stream
from server.progress import EVENTS
from server.routes.chat import person
from server.routes.handoffs import acting_agent

router = APIRouter(prefix="/api/v1", tags=["handoffs"])

_LARGEST = 2**63 - 1
LastEventId = Annotated[int | None, Header(alias="Last-Event-ID", ge=0, le=_LARGEST)]


@router.get("/handoffs/events", summary="What happens in the queue, live", responses=EVENTS)
async def agent_events(
    request: Request,
    desk: CurrentDesk,
    caller: CurrentCaller,
    last_event_id: LastEventId = None,
    after: Annotated[int | None, Query(ge=0, le=_LARGEST)] = None,
) -> Response:
    """`queued, ticketed, claimed, message, returned, closed, sla_due`, without any text of the customer."""
    acting = acting_agent(desk, caller)
    desk.streams.check(caller)
    begin = last_event_id if last_event_id is not None else after
    return _live(desk, request, caller, _agent_frames(desk, acting.who, begin))


@router.get(
    "/conversations/{conversation_id}/events",
    summary="What a person says in one's conversation, live",
    responses=EVENTS,
)
async def customer_events(
    conversation_id: UUID,
    request: Request,
    desk: CurrentDesk,
    caller: CurrentCaller,
    last_event_id: LastEventId = None,
) -> Response:
    """`handoff` when its state changes and `message` for what is said in it.

    Without `Last-Event-ID` it begins where the latest handoff began.
    """
    principal, chosen = person(caller).as_user(), ConversationId(conversation_id)
    desk.streams.check(caller)
    async with desk.services.engine.database.tenant_tx(principal) as tx:
        if await conversations.get(tx, chosen) is None:
            raise NotFound
        begin = last_event_id
        if begin is None:
            begin = await handoff_events.before_latest_handoff(tx, chosen)
    return _live(desk, request, caller, _customer_frames(desk, principal, chosen, begin))


def _live(desk: Desk, request: Request, caller: Caller, frames: AsyncIterator[bytes]) -> Response:
    """The frames as long as the caller holds, as one of the streams that they may have open."""
    return live_stream(frames, lambda: desk.authenticator.caller(request), desk.streams.counted(caller))


async def _agent_frames(desk: Desk, who: Principal, after: int | None) -> AsyncIterator[bytes]:
    async for event in desk.feed.follow(who, after):
        yield live_frame(event.number, event.event, _for_agents(event))


async def _customer_frames(
    desk: Desk, who: Principal, conversation_id: ConversationId, after: int
) -> AsyncIterator[bytes]:
    async for event in desk.feed.follow(who, after, conversation_id):
        if event.event not in ("message", "sla_due"):
            state = {"handoff_id": str(event.handoff_id), "state": event.state}
            yield live_frame(event.number, "handoff", state)
        elif event.message_id is not None and event.role != "user":
            said = await _message(desk, who, conversation_id, event.message_id)
            if said is not None:
                yield live_frame(event.number, "message", said)


def _for_agents(event: HandoffEvent) -> dict[str, Any]:
    return {
        "handoff_id": str(event.handoff_id),
        "conversation_id": str(event.conversation_id),
        "state": event.state,
        "agent_id": str(event.agent_id) if event.agent_id else None,
        "message_id": str(event.message_id) if event.message_id else None,
        "role": event.role,
        "at": event.at.isoformat(),
    }


async def _message(
    desk: Desk, who: Principal, conversation_id: ConversationId, message_id: MessageId
) -> dict[str, Any] | None:
    """The message as its customer reads it; None when it was deleted since."""
    key = await desk.services.engine.keys.data_key(who)
    async with desk.services.engine.database.tenant_tx(who) as tx:
        message = await messages.get(tx, message_id)
        conversation = await conversations.get(tx, conversation_id)
    if message is None or conversation is None:
        return None
    return {
        "id": str(message.id),
        "role": message.role,
        "text": shown_text(message, who.tenant_id, key, open_vault(conversation, key)),
        "created_at": message.created_at.isoformat(),
    }
