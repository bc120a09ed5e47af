"""The shapes of privacy and the audit: erasures, consents, exports, and what was done."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from typing_extensions import TypedDict


class ErasureOut(TypedDict):
    """How far an erasure is."""

    id: UUID
    state: Literal["accepted", "done"]
    requested_at: datetime
    finished_at: datetime | None


class ConsentOut(TypedDict):
    """A decision."""

    purpose: str
    text_version: str
    granted: bool
    at: datetime


class ConsentsOut(TypedDict):
    """The newest decision of each purpose, and every one, the oldest first."""

    current: list[ConsentOut]
    history: list[ConsentOut]


class SubjectRefOut(TypedDict):
    """Whom the other privacy routes take."""

    subject_id: UUID


class SubjectExportOut(TypedDict):
    """All that is kept of a person; the records of each section say by their names what they are."""

    format: Literal["deskgraph.subject/1"]
    tenant: str
    exported_at: datetime
    subject: dict[str, Any]
    consents: list[ConsentOut]
    conversations: list[dict[str, Any]]
    audit: list[dict[str, Any]]


class AuditRowOut(TypedDict):
    """An act; `actor` is a person's id, or what somebody without one is, such as `worker`."""

    id: UUID
    at: datetime
    actor: str
    action: str
    object: str
    detail: dict[str, Any]


class AuditOut(TypedDict):
    """One page of acts, the newest first."""

    audit: list[AuditRowOut]
    next_cursor: UUID | None


class FindingOut(TypedDict):
    """What is wrong at a seal; `number` is null for a row that has none."""

    number: int | None
    what: str


class VerdictOut(TypedDict):
    """What a check of the chain found: sealed `rows`, `unsealed` ones, and what is wrong."""

    rows: int
    unsealed: int
    newest_seal: str | None
    findings: list[FindingOut]
