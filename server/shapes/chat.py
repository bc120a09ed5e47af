"""The shapes of what is said: replies, messages and conversations."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from typing_extensions import TypedDict

from desk.domain import ConversationMode, Role, Route, SourceKind


class CitationOut(TypedDict):
    """A source of the answer; `quote` is word for word, `score` is 0 to 1."""

    source_id: str
    kind: SourceKind
    version: int
    title: str
    quote: str
    score: float


class ActionOut(TypedDict):
    """Something that happens once it is confirmed."""

    id: UUID
    label: str
    tool: str
    arguments: dict[str, Any]
    expires_at: datetime


class AnswerOut(TypedDict):
    """What was said and why."""

    text: str
    language: str
    route: Route
    intent: str | None
    confidence: float | None
    citations: list[CitationOut]
    actions: list[ActionOut]
    suggestions: list[str]


class PromptRefOut(TypedDict):
    """The prompt that was used."""

    name: str
    version: int
    sha: str


class UsageOut(TypedDict):
    """What the turn cost."""

    prompt_tokens: int
    completion_tokens: int
    cost_usd: float


class ReplyOut(TypedDict):
    """The reply object; `timings_ms` are of the steps by their names, and of all as `total`."""

    turn_id: UUID
    conversation_id: UUID
    reply: AnswerOut
    prompt: PromptRefOut | None
    model: str | None
    bundle: str | None
    usage: UsageOut
    timings_ms: dict[str, float]


class SmallReplyOut(TypedDict):
    """The reply of the small form."""

    response: str
    session_id: str


class MessageOut(TypedDict):
    """One message of a conversation; only an answer has sources, and only the last one what may be tapped."""

    id: UUID
    turn_id: UUID
    conversation_id: UUID
    role: Role
    text: str
    route: Route | None
    rating: Literal["up", "down"] | None
    created_at: datetime
    citations: list[CitationOut]
    actions: list[ActionOut]
    suggestions: list[str]


class HistoryOut(TypedDict):
    """One page of messages, oldest first."""

    messages: list[MessageOut]
    next_cursor: UUID | None


class ConversationOut(TypedDict):
    """A conversation; its `mode` is `human` while a person has it."""

    id: UUID
    title: str | None
    channel: str
    locale: str | None
    mode: ConversationMode
    messages: int
    created_at: datetime
    updated_at: datetime


class ConversationsOut(TypedDict):
    """One page of conversations, the newest first."""

    conversations: list[ConversationOut]
    next_cursor: datetime | None
