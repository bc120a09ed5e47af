"""The shapes of handoffs: the queue, and what an agent reads of a conversation."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from typing_extensions import TypedDict

from desk.domain import HandoffReason, HandoffState, Role, Route


class HandoffOut(TypedDict):
    """A request for a person. `agent` is the address of `agent_id`, null where it is not known.

    `waiting_seconds` and `due_at` are null while the customer does not wait for a word of the agent.
    """

    id: UUID
    conversation_id: UUID
    state: HandoffState
    reason: HandoffReason
    language: str
    agent_id: UUID | None
    agent: str | None
    created_at: datetime
    waiting_seconds: int | None
    due_at: datetime | None
    overdue: bool


class QueueOut(TypedDict):
    """The queue; `/handoffs/events?after=` goes on from `cursor`."""

    handoffs: list[HandoffOut]
    cursor: int


class AgentOut(TypedDict):
    """An agent; `email` is null where nobody vouches for one."""

    id: UUID
    email: str | None


class AgentsOut(TypedDict):
    """The agents who opened the queue once."""

    agents: list[AgentOut]


class SourceOut(TypedDict):
    """What an answer stands on."""

    title: str
    quote: str


class ReadMessageOut(TypedDict):
    """A message as an agent reads it."""

    id: UUID
    role: Role
    text: str
    route: Route | None
    created_at: datetime
    sources: list[SourceOut]


class ReadMessagesOut(TypedDict):
    """One page of what was said, oldest first, with its handoff."""

    handoff: HandoffOut
    messages: list[ReadMessageOut]
    next_cursor: UUID | None


class SaidOut(TypedDict):
    """The new message's id."""

    message_id: UUID
