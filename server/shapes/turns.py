"""The shapes of turns: dead letters, recorded turns as they are looked at again, and suites."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, NotRequired
from uuid import UUID

from typing_extensions import TypedDict

from desk.domain import Route, TurnState
from desk.storage.turn_reviews import Became, Label
from server.openapi import Problem
from server.shapes.chat import PromptRefOut, ReplyOut, UsageOut


class TurnStateOut(TypedDict):
    """A turn's state after what was asked of it."""

    turn_id: UUID
    state: TurnState


class DeadLetterOut(TypedDict):
    """A turn that could not be completed, and why."""

    id: UUID
    conversation_id: UUID
    state: TurnState
    attempts: int
    reason: str | None
    accepted_at: datetime
    finished_at: datetime | None


class DeadLettersOut(TypedDict):
    """One page of dead letters, the oldest first."""

    turns: list[DeadLetterOut]
    next_cursor: UUID | None


class RecordedTurnOut(TypedDict):
    """A turn in a list, as its customer and its reviewer judged it.

    `ms` is its whole time. Texts hold pseudonyms; those of somebody who was erased are null.
    """

    id: UUID
    conversation_id: UUID
    state: TurnState
    route: Route | None
    intent: str | None
    accepted_at: datetime
    ms: float | None
    model: str | None
    rating: Literal["up", "down"] | None
    tags: list[str]
    comment: str | None
    label: Label | None
    became: Became | None
    asked: str | None
    told: str | None


class RecordedTurnsOut(TypedDict):
    """One page of turns, the newest first."""

    turns: list[RecordedTurnOut]
    next_cursor: UUID | None


class StepOut(TypedDict):
    """A node's run: the state before it, what it changed, what it noted of itself and what it cost."""

    place: int
    node: str
    ms: float
    input: dict[str, Any]
    update: dict[str, Any]
    noted: NotRequired[dict[str, Any]]
    usage: NotRequired[UsageOut]


class TurnTextOut(PromptRefOut):
    """A prompt that the turn had, with its text."""

    text: str


class TurnPromptOut(TurnTextOut):
    """The same with the variables that the text names."""

    variables: list[str]


class ParameterOut(TypedDict):
    """A number that a run may change: which node heeds it, what it does, its bounds and its value."""

    node: str
    what: str
    least: float
    most: float
    whole: bool
    value: float | None


class OpenedTurnOut(TypedDict):
    """A turn with its steps; `start` is the state before the first, null where it is not kept.

    A turn that is not `forkable` can be looked at, and not be gone on from.
    """

    id: UUID
    conversation_id: UUID
    state: TurnState
    accepted_at: datetime
    message: str
    locale: str | None
    problem: Problem | None
    reply: ReplyOut | None
    start: dict[str, Any] | None
    steps: list[StepOut]
    forkable: bool
    prompt: TurnPromptOut
    intents: TurnTextOut
    parameters: dict[str, ParameterOut]


class SuiteOut(TypedDict):
    """A suite that can be played."""

    suite: str
    cases: int
    turns: int


class SuitesOut(TypedDict):
    """All of them."""

    suites: list[SuiteOut]
