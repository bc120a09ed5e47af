"""The audit on its way out: one JSON object a line, each sealed row with its link of the chain."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson

from desk.domain import Principal
from desk.storage import audit_seals
from desk.storage.audit import AuditRow, utc
from desk.storage.audit_seals import Seal
from desk.storage.pool import Database

_PAGE = 1000


async def audit_lines(database: Database, by: Principal) -> AsyncIterator[bytes]:
    """Every sealed row in the order of the chain, then those that have no seal yet, with `number` null.

    Read as `by`, who is of the tenant's staff or a worker; others see nothing.

    The first line of a chain of which retention deleted the beginning is a seal without a row.
    """
    after = 0
    while True:
        async with database.tenant_tx(by) as tx:
            page = await audit_seals.list_sealed(tx, after=after, limit=_PAGE)
        for sealed in page:
            yield _line(sealed.row, sealed.seal)
        if len(page) < _PAGE:
            break
        after = page[-1].seal.number
    async with database.tenant_tx(by) as tx:
        rest = await audit_seals.unsealed(tx, limit=_PAGE)
    for row in rest:
        yield _line(row, None)


def shown(row: AuditRow) -> dict[str, Any]:
    """A row as its readers see it; times are UTC."""
    told = {"id": str(row.id), "at": utc(row.at), "actor": row.actor}
    return told | {"action": row.action, "object": row.object, "detail": row.detail}


def _line(row: AuditRow | None, seal: Seal | None) -> bytes:
    link = {
        "number": seal.number if seal else None,
        "sealed_at": utc(seal.sealed_at) if seal else None,
        "hash": seal.hash.hex() if seal else None,
    }
    return orjson.dumps(link | ({"tenant_id": str(row.tenant_id)} | shown(row) if row else {})) + b"\n"
