"""The inbox: accepting a turn is one commit, with the input sealed; after it the turn cannot be lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from desk.domain import ConversationId, ConversationMode, Principal, Tenant, TurnId, new_id
from desk.errors import Erased, KeyReused, NotFound, Overloaded
from desk.privacy.pseudonyms import Vault
from desk.privacy.sealing import DataKey
from desk.storage import checkpoint_rows, conversations, turn_commits, turns
from desk.storage.checkpoint_rows import CheckpointRow
from desk.storage.conversations import Conversation
from desk.storage.pool import Tx
from desk.storage.threads import thread_id
from desk.storage.turn_commits import Ground, KeyTaken, NewTurn
from desk.storage.turns import Claim, Turn
from desk.telemetry.metrics import SHED
from graphs.crash_points import crash_point
from graphs.services import Services


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """What a customer sends, a message or the id of the action they `confirm`.

    Without `conversation_id` it opens a new conversation.
    """

    message: str
    idempotency_key: str
    conversation_id: ConversationId | None = None
    channel: str = "web"
    locale: str | None = None
    confirm: str | None = None


@dataclass(frozen=True, slots=True)
class AcceptedTurn:
    """A turn that is committed, with all that is needed to run it."""

    claim: Claim
    principal: Principal
    tenant: Tenant
    key: DataKey
    message: str
    confirm: str | None
    locale: str | None
    mode: ConversationMode
    channel: str
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

    Raises Conflict when the conversation is too busy, NotFound when it is not the caller's, KeyReused when
    the key came with another body before, Erased when the caller was erased a moment ago, and Overloaded when
    too many of the tenant's turns wait for the database.
    """
    key = await services.engine.keys.data_key(principal)
    turn_id = TurnId(new_id())
    body = {
        "message": request.message,
        "confirm": request.confirm,
        "locale": request.locale,
        "email": principal.email,
    }
    new = NewTurn(
        turn_id,
        request.conversation_id or ConversationId(new_id()),
        request.idempotency_key,
        _request_hash(services, principal, request),
        key.seal_json(body, aad=turns.input_aad(turn_id)),
        opens=request.conversation_id is None,
        channel=request.channel,
        locale=request.locale,
    )
    database, settings = services.engine.database, services.engine.settings
    if database.crowded(principal.tenant_id):
        SHED.inc()
        raise Overloaded
    crash_point(settings, "before_accept")
    try:
        place = await turn_commits.accept(database, principal, new, tenant.settings.double_texting)
    except KeyTaken:
        return await _earlier_turn(services, principal, new)
    except Erased:
        assert principal.subject_id is not None
        services.engine.keys.forget(principal.subject_id)
        raise
    crash_point(settings, "after_accept")
    if not place.running:
        return WaitingTurn(turn_id, new.conversation_id, place.interrupts)
    assert principal.subject_id is not None
    claim = Claim(
        turn_id, principal.tenant_id, new.conversation_id, principal.subject_id, place.fence, attempts=1
    )
    return _ready(claim, principal, tenant, key, body, place.ground, request.channel)


async def reopen(services: Services, claim: Claim) -> AcceptedTurn | None:
    """The claimed turn, which waited or lost its process, ready to run; None when it ended or was erased."""
    worker = Principal(claim.tenant_id, "worker", claim.subject_id)
    tenant = await services.engine.tenants.get(claim.tenant_id)
    try:
        key = await services.engine.keys.data_key(worker)
        async with services.engine.database.tenant_tx(worker) as tx:
            turn = await turns.get(tx, claim.turn_id)
            channel, ground = await _read_ground(tx, worker, claim.conversation_id)
    except NotFound:
        return None
    if turn is None or turn.state != "accepted":
        return None
    body = key.open_json(turn.input_sealed, aad=turns.input_aad(claim.turn_id))
    principal = Principal(claim.tenant_id, "user", claim.subject_id, body["email"])
    return _ready(claim, principal, tenant, key, body, ground, channel)


async def _read_ground(tx: Tx, principal: Principal, conversation_id: ConversationId) -> tuple[str, Ground]:
    """The conversation's channel, and what a turn of it stands on."""
    conversation = await conversations.get(tx, conversation_id)
    if conversation is None or conversation.subject_id != principal.subject_id:
        raise NotFound
    thread = thread_id(principal.tenant_id, conversation.subject_id, conversation_id)
    checkpoint = await (await checkpoint_rows.load(tx, thread)).fetchone()
    ground = Ground(conversation.locale, conversation.mode, conversation.vault_sealed, checkpoint)
    return conversation.channel, ground


def _ready(
    claim: Claim,
    principal: Principal,
    tenant: Tenant,
    key: DataKey,
    body: dict[str, Any],
    ground: Ground,
    channel: str,
) -> AcceptedTurn:
    return AcceptedTurn(
        claim=claim,
        principal=principal,
        tenant=tenant,
        key=key,
        message=body["message"],
        confirm=body.get("confirm"),
        locale=body["locale"] or ground.locale,
        mode=ground.mode,
        channel=channel,
        vault=_opened(claim.conversation_id, ground.vault_sealed, key),
        checkpoint=ground.checkpoint,
    )


def open_vault(conversation: Conversation, key: DataKey) -> Vault:
    """The conversation's pseudonym vault; a new conversation has an empty one."""
    return _opened(conversation.id, conversation.vault_sealed, key)


def _opened(conversation_id: ConversationId, vault_sealed: bytes | None, key: DataKey) -> Vault:
    if vault_sealed is None:
        return Vault()
    return Vault.from_json(key.open_json(vault_sealed, aad=conversations.vault_aad(conversation_id)))


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
    body += [request.confirm] if request.confirm else []
    return services.engine.keys.keyed_hash(orjson.dumps(body))
