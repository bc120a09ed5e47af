"""The audit as a chain: each row is sealed onto the one before, so that a changed, lost or added row shows.

`hash` is SHA-256 over the seal before and the row: anybody can check it against an export. `mac` is made with
a key of the installation: who owns the database alone cannot make a chain anew.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from desk.domain import Principal, TenantId
from desk.storage import audit, audit_seals
from desk.storage.audit import AuditRow, utc
from desk.storage.audit_seals import Seal, Sealed
from desk.storage.pool import Database, Tx

FIRST = b"\0" * 32
PURPOSE = "audit.chain"
# Rows are sealed in the order of their time, but for those of open transactions; none is open for so long.
LATE = timedelta(minutes=5)

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong at one place of the chain: `number` is the seal's, None for a row that has none."""

    number: int | None
    what: str


@dataclass(slots=True)
class Verdict:
    """What a check of one tenant's chain found; `first` and `last` are the numbers of seals, 0 for none."""

    first: int = 0
    last: int = 0
    head: bytes = FIRST
    rows: int = 0
    newest: datetime | None = None
    unsealed: int = 0
    findings: list[Finding] = field(default_factory=list)

    def note(self, row: AuditRow | None) -> None:
        """Count a sealed row."""
        if row is not None:
            self.rows += 1
            self.newest = max(row.at, self.newest or row.at)


class Chain:
    """Seals and checks; `secret` is derived from the installation's keys for PURPOSE."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def seal(self, before: Seal | None, row: AuditRow, now: datetime) -> Seal:
        """The next seal of a tenant's chain."""
        number = before.number + 1 if before else 1
        hashed = link(before.hash if before else FIRST, number, now, row)
        return Seal(number, row.id, now, hashed, self.mac(hashed))

    def mac(self, hashed: bytes) -> bytes:
        """What only this installation can make of a hash."""
        return hmac.digest(self._secret, hashed, "sha256")

    def check(self, before: Seal | None, sealed: Sealed, newest: datetime | None) -> str | None:
        """What is wrong with one link, or None; `newest` is the latest time of a row before it."""
        seal, row = sealed.seal, sealed.row
        if before is not None and seal.number != before.number + 1:
            return f"the seals {before.number + 1} to {seal.number - 1} are missing"
        if not hmac.compare_digest(seal.mac, self.mac(seal.hash)):
            return "the seal was not made here"
        if row is None:
            return "its row is missing"
        if link(before.hash if before else FIRST, seal.number, seal.sealed_at, row) != seal.hash:
            return "the row or its place was changed"
        if newest is not None and row.at < newest - LATE:
            return "the row was added after its time"
        return None


def link(before: bytes, number: int, sealed_at: datetime, row: AuditRow) -> bytes:
    """SHA-256 over the hash before, the number, both times in UTC, and the row with its keys in order."""
    body = [
        before.hex(),
        number,
        utc(sealed_at),
        str(row.tenant_id),
        str(row.id),
        utc(row.at),
        row.actor,
        row.action,
        row.object,
        row.detail,
    ]
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).digest()


async def seal_batch(tx: Tx, chain: Chain, *, limit: int) -> int:
    """Seal what was committed since the last time, in the order of its time; how many rows that were.

    Needs a transaction that sees the whole tenant. One process at a time does it.
    """
    if not await audit_seals.take_lock(tx):
        return 0
    head, now = await audit_seals.head(tx), datetime.now(UTC)
    rows = await audit_seals.unsealed(tx, limit=limit)
    seals: list[Seal] = []
    for row in rows:
        head = chain.seal(head, row, now)
        seals.append(head)
    if rows:
        await audit_seals.add(tx, rows[0].tenant_id, seals)
    if len(rows) < limit:
        await audit_seals.note_sealed(tx, LATE)
    return len(rows)


async def verify(database: Database, tenant_id: TenantId, chain: Chain) -> Verdict:
    """Walk the tenant's chain from its first seal to the last; then look at what is not sealed yet."""
    worker, verdict = Principal(tenant_id, "worker"), Verdict()
    before: Seal | None = None
    pruned_to: set[int] = set()
    base: Sealed | None = None
    async for page in _pages(database, worker):
        for sealed in page:
            if before is None and sealed.row is None:
                base = sealed  # where retention ended; it must be said further on in the chain itself
            elif (wrong := chain.check(before, sealed, verdict.newest)) is not None:
                verdict.findings.append(Finding(sealed.seal.number, wrong))
            pruned_to |= set(_pruned(sealed.row))
            verdict.first = verdict.first or sealed.seal.number
            verdict.note(sealed.row)
            before = sealed.seal
    if before is not None:
        verdict.last, verdict.head = before.number, before.hash
    verdict.findings[:0] = _wrong_beginning(chain, verdict, base, pruned_to)
    async with database.tenant_tx(worker) as tx:
        verdict.unsealed, late = await audit_seals.tail(
            tx, late_before=verdict.newest - LATE if verdict.newest else None
        )
    verdict.findings += [Finding(None, "an unsealed row is older than the chain")] * min(late, 1)
    return verdict


async def contains(tx: Tx, number: int, hashed: bytes) -> bool:
    """Whether the chain still has this seal: what was written down elsewhere, to notice a cut tail."""
    found = await audit_seals.get(tx, number)
    return found is not None and found.hash == hashed


def _wrong_beginning(
    chain: Chain, verdict: Verdict, base: Sealed | None, pruned_to: set[int]
) -> list[Finding]:
    if verdict.first == 0 or (base is None and verdict.first == 1):
        return []
    if base is not None and base.seal.number in pruned_to and base.seal.mac == chain.mac(base.seal.hash):
        return []
    return [Finding(verdict.first, "what was before it is missing, and retention did not delete it")]


def _pruned(row: AuditRow | None) -> Iterator[int]:
    """Up to which seal retention deleted, if the row tells that."""
    if row is not None and (row.action, row.object) == ("retention.delete", audit.OBJECT):
        up_to: Any = row.detail.get("up_to")
        if isinstance(up_to, int):
            yield up_to


async def _pages(database: Database, worker: Principal) -> AsyncIterator[list[Sealed]]:
    after = 0
    while True:
        async with database.tenant_tx(worker) as tx:
            page = await audit_seals.list_sealed(tx, after=after, limit=_PAGE)
        if page:
            yield page
        if len(page) < _PAGE:
            return
        after = page[-1].seal.number
