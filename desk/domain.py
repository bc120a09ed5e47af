"""The nouns of the domain as plain frozen data: ids, principals, tenants, replies."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import Any, Literal, NewType
from uuid import UUID

TenantId = NewType("TenantId", UUID)
SubjectId = NewType("SubjectId", UUID)
ConversationId = NewType("ConversationId", UUID)
TurnId = NewType("TurnId", UUID)
MessageId = NewType("MessageId", UUID)
HandoffId = NewType("HandoffId", UUID)
FaqId = NewType("FaqId", UUID)

Scope = Literal["user", "agent", "admin", "worker"]
Route = Literal["canned", "order", "product", "faq", "model", "handoff", "fallback", "refused"]
Role = Literal["user", "assistant", "agent"]
ConversationMode = Literal["bot", "human"]
HandoffState = Literal["queued", "human", "ticketed", "returned", "closed"]
HandoffReason = Literal["requested", "offer_accepted", "complaint", "order_proof", "other"]
TurnState = Literal["accepted", "done", "failed", "cancelled", "dead"]
DoubleTexting = Literal["reject", "enqueue", "interrupt"]
SourceKind = Literal["faq", "document"]


def new_id() -> UUID:
    """A time-ordered UUID (version 7), so that new rows land at the end of their indexes.

    The 12 bits after the millisecond count quarter-microseconds: two ids made one after the other keep order.
    """
    millis, rest = divmod(time.time_ns(), 1_000_000)
    fraction = rest * 4096 // 1_000_000
    random = int.from_bytes(os.urandom(8), "big") >> 2
    return UUID(int=millis << 80 | 0x7 << 76 | fraction << 64 | 0x2 << 62 | random)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acts, in which tenant, with which scope; everything that touches data takes one.

    `email` is set only when the issuer vouches for it. A worker has no subject.
    """

    tenant_id: TenantId
    scope: Scope
    subject_id: SubjectId | None = None
    email: str | None = None

    def as_user(self) -> Principal:
        """The same person with a customer's rights: what the chat routes run under, whatever the role."""
        return Principal(self.tenant_id, "user", self.subject_id, self.email)


@dataclass(frozen=True, slots=True)
class TenantSettings:
    """What a tenant may tune; stored as JSON beside the tenant.

    `office_hours` are spans like "mon-fri 09:00-18:00" in `timezone`; none means always open.
    A customer who asks for a person waits at most `sla_minutes` of them before it counts as late.
    `double_texting` says what a message does that comes while the one before is still being answered: it is
    refused, waits for its order, or stops the answer and takes its place.
    """

    locale: str = "en"
    intent_pack: str = "bookshop"
    order_patterns: tuple[str, ...] = (r"\d{6}",)
    external_models: bool = True
    external_fallback: bool = False
    shop_api_url: str | None = None
    faq_threshold: float | None = None
    retention_days: int | None = None
    webhook_url: str | None = None
    double_texting: DoubleTexting = "reject"
    timezone: str = "UTC"
    office_hours: tuple[str, ...] = ()
    sla_minutes: int = 10


@dataclass(frozen=True, slots=True)
class Tenant:
    """One customer of the service; `placement` names the database schema its rows live in."""

    id: TenantId
    slug: str
    name: str
    placement: str = "shared"
    settings: TenantSettings = field(default_factory=TenantSettings)


@dataclass(frozen=True, slots=True)
class Citation:
    """A source that an answer stands on; `quote` is the passage word for word, `score` is 0 to 1."""

    source_id: str
    kind: SourceKind
    version: int
    title: str
    quote: str
    score: float


@dataclass(frozen=True, slots=True)
class Action:
    """Something the assistant offers to do once the user confirms exactly these arguments."""

    id: str
    label: str
    tool: str
    arguments: dict[str, Any]
    expires_at: str


@dataclass(frozen=True, slots=True)
class PromptRef:
    """Which prompt was used: its name, version and the hash of its text."""

    name: str
    version: int
    sha: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What a turn cost: tokens and US dollars."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cost_usd + other.cost_usd,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What a node decided to say; `text` holds pseudonyms, never raw personal values."""

    text: str
    language: str
    route: Route
    intent: str | None = None
    confidence: float | None = None
    citations: tuple[Citation, ...] = ()
    actions: tuple[Action, ...] = ()
    suggestions: tuple[str, ...] = ()
