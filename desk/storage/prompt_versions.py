"""Prompt versions: texts that a tenant wrote for its prompts; they are never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from desk.domain import TenantId
from desk.storage.pool import Tx

# Those of tenants are numbered above it, so that one that comes as a file later is never taken for them.
FILES_UP_TO: Final = 1000


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A text as it was written (`source`), and with what it takes in from others in its place (`text`)."""

    name: str
    source: str
    text: str
    variables: tuple[str, ...]
    sha: str
    notes: str
    author: str


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A version of a tenant's own; `sha` is the SHA-256 of `text` in hex."""

    name: str
    version: int
    source: str
    text: str
    variables: tuple[str, ...]
    sha: str
    notes: str
    author: str
    created_at: datetime


async def add(tx: Tx, tenant_id: TenantId, new: NewVersion) -> int:
    """Store the next version of a prompt and return its number; one that has the same source is returned."""
    await _one_by_one(tx, tenant_id, new.name)
    cursor = await tx.execute(
        "select version from prompt_versions where tenant_id = %s and name = %s and source = %s and sha = %s"
        " order by version limit 1",
        (tenant_id, new.name, new.source, new.sha),
    )
    row = await cursor.fetchone()
    if row is not None:
        return int(row[0])
    cursor = await tx.execute(
        "insert into prompt_versions"
        " (tenant_id, name, version, source, text, variables, sha, notes, author)"
        " select %(tenant)s::uuid, %(name)s,"
        " 1 + coalesce(max(v.version), %(files)s), %(source)s, %(text)s, %(variables)s, %(sha)s, %(notes)s,"
        " %(author)s from prompt_versions v where v.tenant_id = %(tenant)s and v.name = %(name)s"
        " returning version",
        {
            "tenant": tenant_id,
            "files": FILES_UP_TO,
            "name": new.name,
            "source": new.source,
            "text": new.text,
            "variables": list(new.variables),
            "sha": new.sha,
            "notes": new.notes,
            "author": new.author,
        },
    )
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def get(tx: Tx, tenant_id: TenantId, name: str, version: int) -> StoredVersion | None:
    """One version."""
    cursor = await tx.execute(
        f"{_SELECT} where tenant_id = %s and name = %s and version = %s", (tenant_id, name, version)
    )
    row = await cursor.fetchone()
    return _stored(row) if row else None


async def list_all(tx: Tx, tenant_id: TenantId) -> list[StoredVersion]:
    """Every version of every prompt, by name and number."""
    cursor = await tx.execute(f"{_SELECT} where tenant_id = %s order by name, version", (tenant_id,))
    return [_stored(row) for row in await cursor.fetchall()]


async def _one_by_one(tx: Tx, tenant_id: TenantId, name: str) -> None:
    """Who writes the same prompt at the same time waits, so that numbers follow each other."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"prompt {tenant_id} {name}",))


def _stored(row: Sequence[Any]) -> StoredVersion:
    name, version, source, text, variables, sha, notes, author, created_at = row
    return StoredVersion(name, version, source, text, tuple(variables), sha, notes, author, created_at)


_SELECT = "select name, version, source, text, variables, sha, notes, author, created_at from prompt_versions"
