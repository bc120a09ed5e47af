"""Chat: a message in, a turn out; as JSON or as a stream, always through the one runner."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

import orjson
from fastapi import APIRouter, Query
from starlette.responses import Response

from desk.domain import ConversationId, MessageId, Principal, TurnId
from desk.errors import NotFound, Unauthenticated
from desk.storage import conversations, feedback, messages, sessions, turns
from graphs.commits.inbox import TurnRequest
from graphs.streams.turn_stream import TurnStream
from server.auth import Caller
from server.deps import CurrentCaller, CurrentDesk, Desk, IdempotencyKey
from server.errors import MEDIA_TYPE
from server.events import TURN_EVENTS, event_stream
from server.history import read_page, show_page
from server.lean import LeanRoute
from server.openapi import answers
from server.schemas import ChatBody, FeedbackBody, SmallChatBody
from server.shapes.chat import HistoryOut, ReplyOut, SmallReplyOut

router = APIRouter(prefix="/api/v1/chat", tags=["chat"])
turns_in = APIRouter(prefix="/api/v1/chat", tags=["chat"], route_class=LeanRoute)
small = APIRouter(tags=["chat"], route_class=LeanRoute)


@turns_in.post("/", summary="Send a message and wait for the answer", responses=answers(ReplyOut, 409, 413))
@turns_in.post("/send", include_in_schema=False)
async def send(body: ChatBody, desk: CurrentDesk, caller: CurrentCaller, key: IdempotencyKey) -> Response:
    """The reply object; the same Idempotency-Key gives the same reply again."""
    stream = await submit(desk, caller, body, key)
    return _answer(await stream.outcome(), failed=stream.failed)


@turns_in.post(
    "/stream",
    summary="Send a message and read the turn as server-sent events",
    responses=answers(None, 409, 413) | TURN_EVENTS,
)
async def stream(body: ChatBody, desk: CurrentDesk, caller: CurrentCaller, key: IdempotencyKey) -> Response:
    """The turn's events, from `accepted` to `done` or `error`."""
    with ExitStack() as counted:
        # Held from before the message is accepted: nobody is told 429 for a turn that runs.
        counted.enter_context(desk.streams.counted(caller))
        stream = await submit(desk, caller, body, key)
        return event_stream(stream, counted=counted.pop_all())


@router.get("/history", summary="The messages of a conversation, oldest first", responses=answers(HistoryOut))
async def history(
    desk: CurrentDesk,
    caller: CurrentCaller,
    conversation_id: UUID | None = None,
    cursor: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    """One page, with personal values restored for their owner; without `conversation_id` all of one's own.

    Answers have their sources; the last one of a conversation also what may still be tapped or confirmed.
    """
    principal = person(caller).as_user()
    # Before the transaction, so that nobody holds one connection while they wait for another.
    key = await desk.services.engine.keys.data_key(principal)
    async with desk.services.engine.database.tenant_tx(principal) as tx:
        if (
            conversation_id is not None
            and await conversations.get(tx, ConversationId(conversation_id)) is None
        ):
            raise NotFound
        found = await messages.list_page(
            tx,
            conversation_id=ConversationId(conversation_id) if conversation_id else None,
            subject_id=principal.subject_id,
            after=MessageId(cursor) if cursor else None,
            limit=limit,
        )
        page = await read_page(tx, principal, key, found)
    shown = await asyncio.to_thread(show_page, page, datetime.now(UTC))
    return json_response({"messages": shown, "next_cursor": shown[-1]["id"] if len(shown) == limit else None})


@router.post("/feedback", summary="Rate an answer", status_code=204, responses=answers())
async def rate(body: FeedbackBody, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """Keep a thumb up or down on one of one's own turns; a second one replaces the first."""
    principal, turn_id = person(caller).as_user(), TurnId(body.turn_id)
    key = await desk.services.engine.keys.data_key(principal)
    sealed = key.seal_text(body.comment, aad=feedback.comment_aad(turn_id)) if body.comment else None
    async with desk.services.engine.database.tenant_tx(principal) as tx:
        if await turns.get(tx, turn_id) is None:
            raise NotFound
        await feedback.put(tx, principal, turn_id, body.rating, list(body.tags), sealed)
    return Response(status_code=204)


@small.post(
    "/chat",
    summary="The small form, for services with an API key",
    responses=answers(SmallReplyOut, 409, 413),
)
async def chat(
    body: SmallChatBody, desk: CurrentDesk, caller: CurrentCaller, key: IdempotencyKey
) -> Response:
    """`{message, session_id}` to `{response, session_id}`; each session is an anonymous visitor."""
    if caller.api_key_id is None:
        raise Unauthenticated("This address takes an API key in the header X-API-Key.")
    visitor = await _visitor(desk, caller, caller.api_key_id, body.session_id)
    async with desk.services.engine.database.tenant_tx(visitor) as tx:
        session = await sessions.find(tx, caller.api_key_id, body.session_id)
    request = TurnRequest(
        body.message,
        key or str(uuid4()),
        session.conversation_id if session else None,
        channel="api",
    )
    stream = await desk.runner.submit(visitor, caller.tenant, request)
    if session is None:
        async with desk.services.engine.database.tenant_tx(visitor) as tx:
            await sessions.add(tx, visitor, caller.api_key_id, body.session_id, stream.conversation_id)
    outcome = await stream.outcome()
    if stream.failed:
        return _answer(outcome, failed=True)
    return json_response({"response": outcome["reply"]["text"], "session_id": body.session_id})


def person(caller: Caller) -> Principal:
    """The caller as a person; raises Unauthenticated for a service's API key."""
    if caller.principal.subject_id is None:
        raise Unauthenticated("This address takes a person's token, not an API key.")
    return caller.principal


def json_response(value: Any, status: int = 200) -> Response:
    """Plain data as JSON."""
    return Response(orjson.dumps(value), status, media_type="application/json")


async def submit(desk: Desk, caller: Caller, body: ChatBody, key: str | None) -> TurnStream:
    """The turn of a message or a confirmed action; raises what `TurnRunner.submit` does."""
    request = TurnRequest(
        body.message or "",
        key or str(uuid4()),
        ConversationId(body.conversation_id) if body.conversation_id else None,
        body.channel,
        body.locale,
        str(body.confirm) if body.confirm else None,
    )
    return await desk.runner.submit(person(caller).as_user(), caller.tenant, request)


def _answer(outcome: dict[str, Any], *, failed: bool) -> Response:
    if not failed:
        return json_response(outcome)
    return Response(orjson.dumps(outcome), outcome["status"], media_type=MEDIA_TYPE)


async def _visitor(desk: Desk, caller: Caller, api_key_id: UUID, session_id: str) -> Principal:
    keys = desk.services.engine.keys
    subject = await keys.subject(caller.tenant.id, f"api-key:{api_key_id}", session_id, kind="anonymous")
    return Principal(caller.tenant.id, "user", subject)
