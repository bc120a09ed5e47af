"""Audit: who did what to what; written in the act's own transaction, never changed."""

from __future__ import annotations

from typing import Any

import orjson

from desk.domain import Principal, new_id
from desk.storage.pool import Tx


async def record(
    tx: Tx, principal: Principal, action: str, target: str, detail: dict[str, Any] | None = None
) -> None:
    """Note a privileged act; `detail` holds ids and numbers, never what a customer wrote."""
    await tx.execute(
        "insert into audit (tenant_id, id, actor, action, object, detail) values (%s, %s, %s, %s, %s, %s)",
        (
            principal.tenant_id,
            new_id(),
            str(principal.subject_id or principal.scope),
            action,
            target,
            orjson.dumps(detail or {}).decode(),
        ),
    )
