"""Reads rows of which one may no longer open: it is told and passed over, and stops none of the others."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson

from desk.domain import MessageId, TenantId, TurnId
from desk.privacy.sealing import DataKey, SealBroken, inflated
from desk.storage import messages, turns
from desk.telemetry.broken_seals import note_broken

# Stands for a message in a talk; in what language that is nobody knows.
UNREADABLE = "[unreadable]"


def open_or_pass(
    key: DataKey, sealed: bytes | None, *, aad: bytes, what: str, tenant_id: TenantId, row: UUID
) -> bytes | None:
    """What was sealed; None where nothing was, and for a broken seal, which is counted as a `what`."""
    if not sealed:
        return None
    try:
        return key.open(sealed, aad=aad)
    except SealBroken:
        note_broken(what, tenant_id, row)
        return None


def text_or_pass(
    key: DataKey, sealed: bytes | None, *, aad: bytes, what: str, tenant_id: TenantId, row: UUID
) -> str | None:
    """The same of a text."""
    plain = open_or_pass(key, sealed, aad=aad, what=what, tenant_id=tenant_id, row=row)
    return None if plain is None else plain.decode()


def message_or_pass(key: DataKey, sealed: bytes | None, *, tenant_id: TenantId, row: MessageId) -> str | None:
    """The same of a message."""
    return text_or_pass(key, sealed, aad=messages.text_aad(row), what="message", tenant_id=tenant_id, row=row)


def reply_or_pass(
    key: DataKey, sealed: bytes | None, *, tenant_id: TenantId, row: TurnId
) -> dict[str, Any] | None:
    """The same of a turn's reply object, with its pseudonyms."""
    plain = open_or_pass(key, sealed, aad=turns.reply_aad(row), what="turn", tenant_id=tenant_id, row=row)
    return None if plain is None else orjson.loads(inflated(plain))
