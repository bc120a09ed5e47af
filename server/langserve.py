"""LangServe: the same turn for clients that speak it; mounted in this one file, and fenced.

LangServe is deprecated and its licence forbids hosted or managed services: off unless DESK_LANGSERVE is set.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

from fastapi import FastAPI
from langchain_core.runnables import RunnableConfig, RunnableGenerator
from langchain_core.runnables.utils import AddableDict
from langserve import add_routes
from starlette.requests import Request

from desk.domain import ConversationId
from desk.errors import DeskError, InvalidInput
from desk.events import Done, Failed, Revised, Token
from graphs.inbox import TurnRequest
from server.auth import Caller
from server.deps import Desk, caller_of, desk_of
from server.routes.chat import person
from server.schemas import Body, Text

PATH = "/langserve/support"
ENDPOINTS = (
    "invoke",
    "stream",
    "stream_events",
    "stream_log",
    "input_schema",
    "output_schema",
    "config_schema",
    "playground",
)
_HANDLE = "caller"


class SupportInput(Body):
    """What a LangServe client sends."""

    message: Text
    conversation_id: UUID | None = None


class _Callers:
    """Verified callers of requests under way, by a random handle: nothing personal stands in a config."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[Desk, Caller]] = {}

    def put(self, desk: Desk, caller: Caller) -> str:
        handle = uuid4().hex
        self._waiting[handle] = (desk, caller)
        return handle

    def take(self, config: RunnableConfig) -> tuple[Desk, Caller]:
        return self._waiting.pop(config["configurable"][_HANDLE])
