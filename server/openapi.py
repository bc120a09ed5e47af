"""What the API description says of answers, errors and ways to sign in; read by people, used by no code."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from fastapi import FastAPI, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from pydantic import BaseModel

from desk.domain import ConversationMode, Route
from server.errors import MEDIA_TYPE

BEARER = Security(HTTPBearer(auto_error=False, description="A token of a configured issuer."))
API_KEY = Security(APIKeyHeader(name="X-API-Key", auto_error=False, description="A service's key."))


class Problem(BaseModel):
    """Every error, as application/problem+json."""

    type: str
    title: str
    status: int
    detail: str
    correlation_id: str


class CitationOut(BaseModel):
    """A source of the answer; `quote` is word for word, `score` is 0 to 1."""

    source_id: str
    kind: Literal["faq", "document"]
    version: int
    title: str
    quote: str
    score: float


class ActionOut(BaseModel):
    """Something that happens once it is confirmed."""

    id: str
    label: str
    tool: str
    arguments: dict[str, Any]
    expires_at: str


class AnswerOut(BaseModel):
    """What was said and why."""

    text: str
    language: str
    route: Route
    intent: str | None
    confidence: float | None
    citations: list[CitationOut]
    actions: list[ActionOut]
    suggestions: list[str]


class PromptOut(BaseModel):
    """The prompt that was used."""

    name: str
    version: int
    sha: str


class UsageOut(BaseModel):
    """What the turn cost."""

    prompt_tokens: int
    completion_tokens: int
    cost_usd: float


class ReplyOut(BaseModel):
    """The reply object."""

    turn_id: UUID
    conversation_id: UUID
    reply: AnswerOut
    prompt: PromptOut | None
    model: str | None
    bundle: str | None
    usage: UsageOut
    timings_ms: dict[str, float]


class SmallReplyOut(BaseModel):
    """The reply of the small form."""

    response: str
    session_id: str


class MessageOut(BaseModel):
    """One message of a conversation; only an answer has sources, and only the last one what may be tapped."""

    id: UUID
    turn_id: UUID
    conversation_id: UUID
    role: Literal["user", "assistant", "agent"]
    text: str
    route: Route | None
    rating: Literal["up", "down"] | None
    created_at: str
    citations: list[CitationOut]
    actions: list[ActionOut]
    suggestions: list[str]


class HistoryOut(BaseModel):
    """One page of messages, oldest first."""

    messages: list[MessageOut]
    next_cursor: UUID | None


class ConversationOut(BaseModel):
    """A conversation; its `mode` is `human` while a person has it."""

    id: UUID
    title: str | None
    channel: str
    locale: str | None
    mode: ConversationMode
    messages: int
    created_at: str
    updated_at: str


class ConversationsOut(BaseModel):
    """One page of conversations, the newest first."""

    conversations: list[ConversationOut]
    next_cursor: str | None


def answers(model: type[BaseModel] | None = None, *more: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route: its answer, and the errors that every caller may meet."""
    described: dict[int | str, dict[str, Any]] = {
        status: {"model": Problem} for status in (401, 403, 404, 422, 429, *more)
    }
    if model is not None:
        described[200] = {"model": model}
    return described


def describe_errors(app: FastAPI) -> None:
    """Have the description say which media type errors come with, which FastAPI takes for that of answers."""
    describe = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            for methods in describe()["paths"].values():
                for operation in methods.values():
                    _name_problems(operation["responses"])
        return describe()

    app.openapi = described  # type: ignore[method-assign]  # as FastAPI's manual does


def _name_problems(responses: dict[str, Any]) -> None:
    for status, answer in responses.items():
        if status >= "400" and "content" in answer:
            answer["content"] = {MEDIA_TYPE: answer["content"]["application/json"]}
