"""The shapes of analytics: each number beside what it is a part of."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from typing_extensions import TypedDict

from desk.storage.outcomes import Outcome


class ShareOut(TypedDict):
    """So many of so many."""

    n: int
    of: int


class TalkFiguresOut(TypedDict):
    """How conversations ended; of the answered ones it is `not_known_yet` of so many if they come back."""

    total: int
    involved: ShareOut | None
    answered_without_person: ShareOut | None
    given_up: ShareOut | None
    asked_for_person: ShareOut | None
    reopened_within_7_days: ShareOut | None
    not_known_yet: int


class AnswerFiguresOut(TypedDict):
    """What became of answers."""

    turns: int
    cost_usd: float
    fallback: ShareOut | None
    rated: ShareOut | None
    rated_down: ShareOut | None


class DayFiguresOut(AnswerFiguresOut):
    """The same of one day."""

    day: date


class PromptFiguresOut(TypedDict):
    """What became of the answers of one version; `label` is null where it had none."""

    name: str
    version: int
    label: str | None
    answers: int
    fallback: ShareOut | None
    asked_for_person: ShareOut | None
    rated_down: ShareOut | None
    cost_usd: float


class FiguresOut(TypedDict):
    """Figures of the last `days`; in `by_route`, `failed` are turns without an answer."""

    days: int
    conversations: TalkFiguresOut
    answers: AnswerFiguresOut
    by_route: dict[str, int]
    by_day: list[DayFiguresOut]


class DashboardOut(FiguresOut):
    """Figures of the whole tenant."""

    by_prompt: list[PromptFiguresOut]


class PersonFiguresOut(FiguresOut):
    """Figures of one person."""

    subject_id: UUID


class TalkOut(TypedDict):
    """A conversation and what became of it."""

    id: UUID
    subject_id: UUID
    outcome: Outcome
    turns: int
    began_at: datetime
    rested_at: datetime
    reopened: bool


class TalksOut(TypedDict):
    """One page of conversations, the newest first."""

    conversations: list[TalkOut]
    next_cursor: UUID | None
