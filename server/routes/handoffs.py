"""Handoffs: the queue of customers who asked for a person, and what agents do with it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Query
from starlette.responses import Response

from desk.domain import HandoffId, HandoffState, MessageId, Principal, SubjectId
from desk.errors import InvalidInput, NotFound
from desk.storage import agents, audit, conversations, handoff_events, handoffs, messages
from desk.storage.handoffs import OPEN, Handoff
from desk.subjects.reading import text_or_pass
from graphs.handoffs import acts
from graphs.handoffs.ground import Acting, find
from server.auth import Caller
from server.deps import CurrentCaller, CurrentDesk, Desk, IdempotencyKey
from server.history import read_page, show_page
from server.openapi import answers
from server.routes.chat import json_response, person
from server.schemas import AgentReplyBody, TransferBody
from server.shapes.handoffs import AgentsOut, HandoffOut, QueueOut, ReadMessagesOut, SaidOut

router = APIRouter(prefix="/api/v1/handoffs", tags=["handoffs"])

Filter = Literal["open", "queued", "ticketed", "human", "returned", "closed"]


@router.get("", summary="The queue, whoever waits longest first", responses=answers(QueueOut))
async def list_handoffs(
    desk: CurrentDesk,
    caller: CurrentCaller,
    state: Filter = "open",
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
) -> Response:
    """Open handoffs or those of one state; `cursor` is where `/handoffs/events?after=` goes on from here."""
    acting = acting_agent(desk, caller)
    states: tuple[HandoffState, ...] = OPEN if state == "open" else (state,)
    email_hash, sealed = await _address(desk, caller)
    async with desk.services.engine.database.tenant_tx(acting.who) as tx:
        await agents.see(tx, acting.who, email_hash, sealed)
        cursor = await handoff_events.newest(tx)
        found = await handoffs.list_by_state(tx, states, limit=limit)
        known = await agents.list_all(tx)
    names = await _names(desk, acting, known)
    return json_response({"handoffs": [_shown(handoff, names) for handoff in found], "cursor": cursor})


@router.get(
    "/agents",
    summary="The colleagues to whom a conversation can be transferred",
    responses=answers(AgentsOut),
)
async def list_agents(desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """Everybody who opened the queue once, the latest seen first."""
    acting = acting_agent(desk, caller)
    async with desk.services.engine.database.tenant_tx(acting.who) as tx:
        known = await agents.list_all(tx)
    names = await _names(desk, acting, known)
    return json_response({"agents": [{"id": str(agent.id), "email": names[agent.id]} for agent in known]})


@router.get(
    "/{handoff_id}/messages",
    summary="What was said in the conversation; each look is audited",
    responses=answers(ReadMessagesOut),
)
async def list_messages(
    handoff_id: UUID,
    desk: CurrentDesk,
    caller: CurrentCaller,
    cursor: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 500,
) -> Response:
    """One page, oldest first, with the customer's personal values restored and the sources of answers."""
    acting = acting_agent(desk, caller)
    handoff = await find(acting, HandoffId(handoff_id))
    key = await desk.services.engine.keys.data_key(acting.owner(handoff))
    async with desk.services.engine.database.tenant_tx(acting.who) as tx:
        await audit.record(tx, acting.who, "handoff.read", str(handoff.id))
        if await conversations.get(tx, handoff.conversation_id) is None:
            raise NotFound
        found = await messages.list_page(
            tx,
            conversation_id=handoff.conversation_id,
            subject_id=None,
            after=MessageId(cursor) if cursor else None,
            limit=limit,
        )
        page = await read_page(tx, acting.who, key, found)
        known = await agents.list_all(tx)
    shown = [_read(one) for one in await asyncio.to_thread(show_page, page, datetime.now(UTC))]
    names = await _names(desk, acting, known)
    next_cursor = shown[-1]["id"] if len(shown) == limit else None
    return json_response({"handoff": _shown(handoff, names), "messages": shown, "next_cursor": next_cursor})


def _read(message: dict[str, Any]) -> dict[str, Any]:
    """A message of the history as an agent reads it: of each source the title and the passage."""
    sources = [{"title": one["title"], "quote": one["quote"]} for one in message["citations"]]
    kept = {name: message[name] for name in ("id", "role", "text", "route", "created_at")}
    return {**kept, "sources": sources}


@router.post(
    "/{handoff_id}/claim",
    summary="Take a waiting conversation; one agent wins, 409 for the others",
    responses=answers(HandoffOut),
)
async def claim(handoff_id: UUID, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """The handoff, now yours; claiming your own again changes nothing."""
    acting = acting_agent(desk, caller)
    return await _answer(desk, acting, await acts.claim(acting, HandoffId(handoff_id)))


@router.post(
    "/{handoff_id}/reply",
    summary="Say something to the customer",
    status_code=201,
    responses=answers(SaidOut, status=201),
)
async def reply(
    handoff_id: UUID, body: AgentReplyBody, desk: CurrentDesk, caller: CurrentCaller, key: IdempotencyKey
) -> Response:
    """The id of the new message, whose role is `agent`; the same Idempotency-Key says it once."""
    acting = acting_agent(desk, caller)
    said = await acts.reply(acting, HandoffId(handoff_id), body.text, key or str(uuid4()))
    return json_response({"message_id": str(said)}, 201)


@router.post(
    "/{handoff_id}/transfer",
    summary="Give a conversation to a colleague, or back to the queue",
    responses=answers(HandoffOut),
)
async def transfer(
    handoff_id: UUID, body: TransferBody, desk: CurrentDesk, caller: CurrentCaller
) -> Response:
    """The handoff as it is now; `to` is the e-mail address of an agent who opened the queue before."""
    acting = acting_agent(desk, caller)
    to = await _colleague(desk, acting, body.to) if body.to is not None else None
    return await _answer(desk, acting, await acts.transfer(acting, HandoffId(handoff_id), to))


@router.post(
    "/{handoff_id}/return",
    summary="Give the conversation back to the assistant",
    responses=answers(HandoffOut),
)
async def give_back(handoff_id: UUID, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """The ended handoff; the assistant answers the customer's next message."""
    acting = acting_agent(desk, caller)
    return await _answer(desk, acting, await acts.give_back(acting, HandoffId(handoff_id)))


@router.post("/{handoff_id}/close", summary="End a handoff", responses=answers(HandoffOut))
async def close(handoff_id: UUID, desk: CurrentDesk, caller: CurrentCaller) -> Response:
    """The ended handoff; an admin may also end one that nobody took."""
    acting = acting_agent(desk, caller)
    return await _answer(desk, acting, await acts.close(acting, HandoffId(handoff_id)))


def acting_agent(desk: Desk, caller: Caller) -> Acting:
    """The caller as an agent; raises Forbidden for everybody else."""
    return Acting(desk.services, caller.tenant, person(caller))


async def _answer(desk: Desk, acting: Acting, handoff: Handoff) -> Response:
    async with desk.services.engine.database.tenant_tx(acting.who) as tx:
        known = await agents.list_all(tx)
    return json_response(_shown(handoff, await _names(desk, acting, known)))


async def _address(desk: Desk, caller: Caller) -> tuple[bytes | None, bytes | None]:
    """The agent's own address, hashed to be found and sealed to be shown; None if nobody vouches for it."""
    who = person(caller)
    if who.email is None or who.subject_id is None:
        return None, None
    key = await desk.services.engine.keys.data_key(who)
    return _hash(desk, who, who.email), key.seal_text(who.email, aad=agents.email_aad(who.subject_id))


async def _colleague(desk: Desk, acting: Acting, email: str) -> SubjectId:
    async with desk.services.engine.database.tenant_tx(acting.who) as tx:
        found = await agents.find(tx, _hash(desk, acting.who, email))
    if found is None:
        raise InvalidInput("to: there is no agent with this address who has opened the queue yet")
    return found


def _hash(desk: Desk, who: Principal, email: str) -> bytes:
    return desk.services.engine.keys.keyed_hash(b"agents\0" + who.tenant_id.bytes + email.casefold().encode())


async def _names(desk: Desk, acting: Acting, known: list[agents.Agent]) -> dict[SubjectId, str | None]:
    """Every agent's address, opened with that agent's key."""
    names: dict[SubjectId, str | None] = {}
    for agent in known:
        names[agent.id] = None
        if agent.email_sealed is not None:
            owner = Principal(acting.tenant.id, acting.who.scope, agent.id)
            with suppress(NotFound):  # erased since
                key = await desk.services.engine.keys.data_key(owner)
                names[agent.id] = text_or_pass(
                    key,
                    agent.email_sealed,
                    aad=agents.email_aad(agent.id),
                    what="agent",
                    tenant_id=acting.tenant.id,
                    row=agent.id,
                )
    return names


def _shown(handoff: Handoff, names: dict[SubjectId, str | None]) -> dict[str, Any]:
    now = datetime.now(UTC)
    since, due = handoff.waiting_since, handoff.due_at
    return {
        "id": str(handoff.id),
        "conversation_id": str(handoff.conversation_id),
        "state": handoff.state,
        "reason": handoff.reason,
        "language": handoff.language,
        "agent_id": str(handoff.claimed_by) if handoff.claimed_by else None,
        "agent": names.get(handoff.claimed_by) if handoff.claimed_by else None,
        "created_at": handoff.created_at.isoformat(),
        "waiting_seconds": round((now - since).total_seconds()) if since else None,
        "due_at": due.isoformat() if due else None,
        "overdue": due is not None and due < now,
    }
