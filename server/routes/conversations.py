"""Conversations: a customer's own; an agent's or admin's view of all of the tenant."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from desk.domain import ConversationId, Principal
from desk.errors import NotFound
from desk.storage import audit, conversations
from desk.storage.conversations import Conversation, title_aad
from desk.subjects.reading import text_or_pass
from server.auth import Caller
from server.deps import CurrentCaller, CurrentDesk, Desk
from server.openapi import answers
from server.routes.chat import history, json_response, person
from server.schemas import ConversationBody
from server.shapes.chat import ConversationOut, ConversationsOut, HistoryOut

router = APIRouter(prefix="/api/v1/conversations", tags=["conversations"])


@router.get("", summary="Conversations, the newest first", responses=answers(ConversationsOut))
async def list_conversations(
    desk: CurrentDesk,
    caller: CurrentCaller,
    cursor: datetime | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """A customer sees their own; agents and admins see the tenant's."""
    principal = person(caller)
    mine = principal.subject_id if principal.scope == "user" else None
    async with desk.services.engine.database.tenant_tx(principal) as tx:
        found = await conversations.list_page(tx, subject_id=mine, before=cursor, limit=limit)
        if mine is None and found:
            detail = {"to": str(found[-1].id), "count": len(found)}
            await audit.record(tx, principal, "conversations.read", str(found[0].id), detail)
    page = [await _shown(desk, principal, conversation) for conversation in found]
    next_cursor = page[-1]["updated_at"] if len(page) == limit else None
    return json_response({"conversations": page, "next_cursor": next_cursor})


@router.get("/{conversation_id}", summary="One conversation", responses=answers(ConversationOut))
async def get_conversation(conversation_id: UUID, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """Its metadata; the messages are under `/messages`."""
    principal = person(caller)
    return json_response(await _shown(desk, principal, await _find(desk, principal, conversation_id)))


@router.get(
    "/{conversation_id}/messages",
    summary="The messages of a conversation of one's own",
    responses=answers(HistoryOut),
)
@router.get("/{conversation_id}/history", include_in_schema=False)
async def list_messages(
    conversation_id: UUID,
    desk: CurrentDesk,
    caller: CurrentCaller,
    cursor: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    """The same as `/api/v1/chat/history` for this conversation."""
    return await history(desk, caller, conversation_id, cursor, limit)


@router.put("/{conversation_id}", summary="Give a conversation a title", responses=answers(ConversationOut))
async def put_conversation(
    conversation_id: UUID, body: ConversationBody, desk: CurrentDesk, caller: CurrentCaller
) -> Response:
    """The changed conversation; only its owner may name it."""
    principal, chosen = person(caller).as_user(), ConversationId(conversation_id)
    key = await desk.services.engine.keys.data_key(principal)
    sealed = key.seal_text(body.title, aad=title_aad(chosen)) if body.title else None
    async with desk.services.engine.database.tenant_tx(principal) as tx:
        if not await conversations.rename(tx, chosen, sealed):
            raise NotFound
    return await get_conversation(conversation_id, desk, caller)


@router.delete("/{conversation_id}", summary="Delete a conversation with all its messages", status_code=204)
async def delete_conversation(conversation_id: UUID, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """Gone with its messages, turns, steps and checkpoints; owners delete their own, admins any."""
    principal = _deleter(caller)
    async with desk.services.engine.database.tenant_tx(principal) as tx:
        if not await conversations.remove(tx, ConversationId(conversation_id)):
            raise NotFound
        await audit.record(tx, principal, "conversation.delete", str(conversation_id))
    return Response(status_code=204)


def _deleter(caller: Caller) -> Principal:
    principal = person(caller)
    return principal if principal.scope == "admin" else principal.as_user()


async def _find(desk: Desk, principal: Principal, conversation_id: UUID) -> Conversation:
    async with desk.services.engine.database.tenant_tx(principal) as tx:
        conversation = await conversations.get(tx, ConversationId(conversation_id))
        if conversation is not None and conversation.subject_id != principal.subject_id:
            await audit.record(tx, principal, "conversation.read", str(conversation_id))
    if conversation is None:
        raise NotFound
    return conversation


async def _shown(desk: Desk, principal: Principal, conversation: Conversation) -> dict[str, Any]:
    owner = Principal(principal.tenant_id, principal.scope, conversation.subject_id)
    title = None
    if conversation.title_sealed is not None:
        key = await desk.services.engine.keys.data_key(owner)
        title = text_or_pass(
            key,
            conversation.title_sealed,
            aad=title_aad(conversation.id),
            what="conversation",
            tenant_id=principal.tenant_id,
            row=conversation.id,
        )
    return {
        "id": str(conversation.id),
        "title": title,
        "channel": conversation.channel,
        "locale": conversation.locale,
        "mode": conversation.mode,
        "messages": conversation.messages,
        "created_at": conversation.created_at.isoformat(),
        "updated_at": conversation.updated_at.isoformat(),
    }
