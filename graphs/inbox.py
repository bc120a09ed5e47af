"""The inbox: accepting a turn is one commit, with the input sealed; after it the turn cannot be lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from desk.domain import ConversationId, ConversationMode, DoubleTexting, Principal, Tenant, TurnId, new_id
from desk.errors import Conflict, KeyReused, NotFound
from desk.privacy.pseudonyms import Vault
from desk.privacy.sealing import DataKey
from desk.storage import checkpoint_rows, conversations, turn_queue, turns
from desk.storage.checkpoint_rows import CheckpointRow
from desk.storage.conversations import Conversation
from desk.storage.pool import Cursor, Tx
from desk.storage.threads import thread_id
from desk.storage.turns import Claim, NewTurn, Turn
from graphs.services import Services


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """What a customer sends; without `conversation_id` it opens a new conversation."""

    message: str
    idempotency_key: str
    conversation_id: ConversationId | None = None
    channel: str = "web"
    locale: str | None = None


@dataclass(frozen=True, slots=True)
class AcceptedTurn:
    """A turn that is committed, with all that is needed to run it."""

    claim: Claim
    principal: Principal
    tenant: Tenant
    key: DataKey
    message: str
    locale: str | None
    mode: ConversationMode
    vault: Vault
    checkpoint: CheckpointRow | None


@dataclass(frozen=True, slots=True)
class WaitingTurn:
    """A turn that is committed and runs when those before it have ended; it wants `interrupts` stopped."""

    turn_id: TurnId
    conversation_id: ConversationId
    interrupts: tuple[TurnId, ...]


async def accept(
    services: Services, principal: Principal, tenant: Tenant, request: TurnRequest
) -> AcceptedTurn | WaitingTurn | Turn:
    """Commit the message, or return the turn that this caller sent with this key before.

    Raises Conflict when the conversation is too busy, NotFound when it is not the caller's, and KeyReused
    when the key came with another body before.
    """
    key = await services.engine.keys.data_key(principal)
    turn_id = TurnId(new_id())
    conversation_id = request.conversation_id or ConversationId(new_id())
    body = {"message": request.message, "locale": request.locale, "email": principal.email}
    new = NewTurn(
        turn_id,
        conversation_id,
        request.idempotency_key,
        _request_hash(services, principal, request),
        key.seal_json(body, aad=turns.input_aad(turn_id)),
    )
    try:
        with turns.accepting():
            async with services.engine.database.tenant_tx(principal, pipeline=True) as tx:
                if request.conversation_id is None:
                    await conversations.add(tx, principal, conversation_id, request.channel, request.locale)
                queued = await _put_into_inbox(tx, principal, new, tenant.settings.double_texting)
                conversation, checkpoint = await _read_ground(tx, principal, conversation_id)
                place = await queued.fetchone()
                if place is None:
                    raise Conflict("Too many messages wait in this conversation; try again in a moment.")
    except turns.KeyTaken:
        return await _earlier_turn(services, principal, new)
    fence, running, interrupts = place
    if not running:
        return WaitingTurn(turn_id, conversation_id, tuple(interrupts))
    assert principal.subject_id is not None
    claim = Claim(turn_id, principal.tenant_id, conversation_id, principal.subject_id, fence, attempts=1)
    return _ready(claim, principal, tenant, key, body, conversation, checkpoint)


async def reopen(services: Services, claim: Claim) -> AcceptedTurn | None:
    """The claimed turn, which waited or lost its process, ready to run; None when it ended or was erased."""
    worker = Principal(claim.tenant_id, "worker", claim.subject_id)
    tenant = await services.engine.tenants.get(claim.tenant_id)
    try:
        key = await services.engine.keys.data_key(worker)
        async with services.engine.database.tenant_tx(worker) as tx:
            turn = await turns.get(tx, claim.turn_id)
            conversation, checkpoint = await _read_ground(tx, worker, claim.conversation_id)
    except NotFound:
        return None
    if turn is None or turn.state != "accepted":
        return None
    body = key.open_json(turn.input_sealed, aad=turns.input_aad(claim.turn_id))
    principal = Principal(claim.tenant_id, "user", claim.subject_id, body["email"])
    return _ready(claim, principal, tenant, key, body, conversation, checkpoint)


async def _put_into_inbox(
    tx: Tx, principal: Principal, new: NewTurn, double_texting: DoubleTexting
) -> Cursor:
    await turns.add(tx, principal, new)
    return await turn_queue.join(tx, principal, new, double_texting)


async def _read_ground(
    tx: Tx, principal: Principal, conversation_id: ConversationId
) -> tuple[Conversation, CheckpointRow | None]:
    """The conversation and its checkpoint: asked together, so that it costs one round trip."""
    asked = await conversations.select(tx, conversation_id)
    loaded = await checkpoint_rows.load(tx, _thread_of(principal, conversation_id))
    conversation = await conversations.first(asked)
    if conversation is None or conversation.subject_id != principal.subject_id:
        raise NotFound
    return conversation, await loaded.fetchone()


def _ready(
    claim: Claim,
    principal: Principal,
    tenant: Tenant,
    key: DataKey,
    body: dict[str, Any],
    conversation: Conversation,
    checkpoint: CheckpointRow | None,
) -> AcceptedTurn:
    return AcceptedTurn(
        claim=claim,
        principal=principal,
        tenant=tenant,
        key=key,
        message=body["message"],
        locale=body["locale"] or conversation.locale,
        mode=conversation.mode,
        vault=open_vault(conversation, key),
        checkpoint=checkpoint,
    )


def open_vault(conversation: Conversation, key: DataKey) -> Vault:
    """The conversation's pseudonym vault; a new conversation has an empty one."""
    if conversation.vault_sealed is None:
        return Vault()
    return Vault.from_json(
        key.open_json(conversation.vault_sealed, aad=conversations.vault_aad(conversation.id))
    )


def _thread_of(principal: Principal, conversation_id: ConversationId) -> str:
    assert principal.subject_id is not None
    return thread_id(principal.tenant_id, principal.subject_id, conversation_id)


async def _earlier_turn(services: Services, principal: Principal, new: NewTurn) -> Turn:
    async with services.engine.database.tenant_tx(principal) as tx:
        turn = await turns.find_by_key(tx, principal.subject_id, new.idempotency_key)
    if turn is None:
        raise NotFound
    if turn.request_hash != new.request_hash:
        raise KeyReused
    return turn


def _request_hash(services: Services, principal: Principal, request: TurnRequest) -> bytes:
    """A keyed hash, as a plain one would let a reader of the table confirm a guessed message."""
    body = [str(principal.subject_id), request.message, str(request.conversation_id), request.locale]
    return services.engine.keys.keyed_hash(orjson.dumps(body))
