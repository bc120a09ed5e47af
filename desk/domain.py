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
HandoffReason = Literal["requested", "offer_accepted", "complaint", "order_proof", "effect_unknown", "other"]
TurnState = Literal["accepted", "done", "failed", "cancelled", "dead"]
TenantStatus = Literal["active", "suspended"]
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
class Branding:
    """How a tenant's chat looks: what stands at its top, its colour as `#rrggbb`, its picture by https."""

    title: str | None = None
    color: str | None = None
    logo_url: str | None = None


@dataclass(frozen=True, slots=True)
class Retention:
    """After how many days a class of data is deleted; None keeps it as long as its conversation.

    `messages` are single turns with what was said in them, in a conversation that goes on; `steps` is what
    each node changed; `events` is the log of handoffs; `dead_letters` are turns that nobody could answer.
    The `audit` is kept for ever with None, and for at least 30 days.
    """

    messages: int | None = None
    steps: int | None = None
    events: int | None = None
    feedback: int | None = None
    dead_letters: int | None = None
    audit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How an operation of a tenant's own service is called.

    What is not said to be without effect (`changes` false) is offered first and done after a yes. With
    `for_customer` the verified e-mail address goes along as `X-Customer-Email`, and who has none is refused.
    `error` is read by the customer.
    """

    changes: bool = True
    for_customer: bool = False
    timeout_seconds: float = 3.0
    retry: Literal["never", "once"] = "never"
    cache_seconds: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTool(Manner):
    """A tenant's own REST operation as a tool of the assistant.

    `url` is a template on a public host: `{name}` stands for an argument, in the path or the query; a POST
    sends the others as JSON. `arguments` is a JSON schema of an object with plain properties. Only a GET can
    be without effect. `secret` names a secret of the operator, sent as `secret_header`.
    """

    name: str
    description: str
    url: str
    arguments: dict[str, Any] = field(default_factory=dict, hash=False)
    method: Literal["GET", "POST"] = "GET"
    secret: str | None = None
    secret_header: str = "Authorization"  # noqa: S105 - the name of a header


@dataclass(frozen=True, slots=True, kw_only=True)
class McpTool(Manner):
    """A tool of an MCP server as a tenant approved it.

    `name`, `description` and `arguments` are what the server said when it was approved, word for word: the
    model reads these, and a tool that the server describes otherwise is not called. A customer who is asked
    for a yes reads `label`.
    """

    name: str
    description: str
    arguments: dict[str, Any] = field(default_factory=dict, hash=False)
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class McpServer:
    """A tenant's own MCP server, spoken to by streamable HTTP at `url`, on a public host.

    Its tools are offered as `<name>_<tool>`, none that is not named here. `secret` names a secret of the
    operator, sent as `secret_header`.
    """

    name: str
    url: str
    tools: tuple[McpTool, ...] = ()
    secret: str | None = None
    secret_header: str = "Authorization"  # noqa: S105 - the name of a header


@dataclass(frozen=True, slots=True)
class TenantSettings:
    """What a tenant may tune; stored as JSON beside the tenant.

    `office_hours` are spans like "mon-fri 09:00-18:00" in `timezone`; none means always open.
    `retention_days` is for conversations that nobody touched, `retention` for parts of those that go on.
    A customer who asks for a person waits at most `sla_minutes` of them before it counts as late.
    `handoff_mail_to` are addresses of people who are mailed when somebody begins to wait or waits too long.
    `double_texting` says what a message does that comes while the one before is still being answered: it is
    refused, waits for its order, or stops the answer and takes its place.
    `rate_limit_per_*` are of each caller, `tenant_rate_limit_per_*` of all together; None is the desk's own.
    `budget_usd_per_*` is what models may cost all of them, `user_budget_usd_per_*` each; None is no bound.
    With `promised_error` an intent is answered only from the confidence on from which at most this share of
    answers is wrong, as far as the intents' own examples prove it; None is the usual confidence.
    `models` are the names of those that may be asked; None is every one that the desk has.
    With `self_registration` anybody who reads a mailbox may make a customer's account for its address.
    `http_tools` are operations of the tenant's own services that a model may ask for, `mcp_servers` its own
    MCP servers with those of their tools that it approved.
    An order goes back within `return_days` of its delivery (None leaves that to the shop), unless all of it
    is of the categories in `return_exceptions`.
    """

    locale: str = "en"
    intent_pack: str = "bookshop"
    order_patterns: tuple[str, ...] = (r"\d{6}",)
    external_models: bool = True
    external_fallback: bool = False
    shop_api_url: str | None = None
    faq_threshold: float | None = None
    promised_error: float | None = None
    retention_days: int | None = None
    retention: Retention = field(default_factory=Retention)
    webhook_url: str | None = None
    handoff_mail_to: tuple[str, ...] = ()
    double_texting: DoubleTexting = "reject"
    timezone: str = "UTC"
    office_hours: tuple[str, ...] = ()
    sla_minutes: int = 10
    rate_limit_per_minute: int | None = None
    rate_limit_per_hour: int | None = None
    tenant_rate_limit_per_minute: int | None = None
    tenant_rate_limit_per_hour: int | None = None
    budget_usd_per_day: float | None = None
    budget_usd_per_month: float | None = None
    user_budget_usd_per_day: float | None = None
    user_budget_usd_per_month: float | None = None
    models: tuple[str, ...] | None = None
    branding: Branding = Branding()
    self_registration: bool = False
    http_tools: tuple[HttpTool, ...] = ()
    mcp_servers: tuple[McpServer, ...] = ()
    return_days: int | None = None
    return_exceptions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tenant:
    """One customer of the service; `placement` names the database schema its rows live in."""

    id: TenantId
    slug: str
    name: str
    placement: str = "shared"
    settings: TenantSettings = field(default_factory=TenantSettings)
    status: TenantStatus = "active"


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

    def __sub__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens - other.prompt_tokens,
            self.completion_tokens - other.completion_tokens,
            self.cost_usd - other.cost_usd,
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
