"""The shapes of knowledge: FAQs, how they read before, and what they lack."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NotRequired
from uuid import UUID

from typing_extensions import TypedDict

from desk.storage.faq_gaps import State as GapState
from desk.storage.faqs import State
from server.shapes.chat import CitationOut


class FaqOut(TypedDict):
    """A FAQ. Only admins get what begins at `aliases`; `hits` are the answers that cited it."""

    id: str
    question: str
    answer: str
    category: str | None
    language: str
    version: int
    updated_at: datetime
    aliases: NotRequired[list[str]]
    draft: NotRequired[bool]
    publish_at: NotRequired[datetime | None]
    expires_at: NotRequired[datetime | None]
    state: NotRequired[State]
    hits: NotRequired[int]


class FaqsOut(TypedDict):
    """One page of FAQs."""

    faqs: list[FaqOut]
    next_cursor: str | None


class FaqWarningOut(TypedDict):
    """A FAQ with much the same question; in a `conflict` the answers differ in these `figures`."""

    kind: Literal["duplicate", "conflict"]
    faq_id: str
    question: str
    score: float
    figures: list[str]


class WrittenFaqOut(FaqOut):
    """The FAQ as it was written, and what speaks against it."""

    warnings: list[FaqWarningOut]


class FoundFaqsOut(TypedDict):
    """Passages, best first."""

    results: list[CitationOut]


class CategoryOut(TypedDict):
    """How many FAQs a category has; the `name` null is of those without one."""

    name: str | None
    faqs: int


class CategoriesOut(TypedDict):
    """All categories."""

    categories: list[CategoryOut]


class BadLineOut(TypedDict):
    """A line of the file that was skipped; the first is 1."""

    line: int
    why: str


class ImportedOut(TypedDict):
    """How many FAQs are new, read otherwise than before, or the same; and how many have no answer."""

    added: int
    changed: int
    unchanged: int
    unanswered: int
    bad: list[BadLineOut]


class FaqVersionOut(TypedDict):
    """How a FAQ reads, or read before."""

    version: int
    question: str
    answer: str
    created_at: datetime


class FaqVersionsOut(TypedDict):
    """All versions of a FAQ, the newest first."""

    versions: list[FaqVersionOut]


class FaqGapOut(TypedDict):
    """What `persons` people asked in so many `questions`; `faq_id` names the draft that was begun for it."""

    id: UUID
    state: GapState
    question: str | None
    others: list[str]
    questions: int
    persons: int
    first_seen: datetime
    last_seen: datetime
    faq_id: str | None


class FaqGapsOut(TypedDict):
    """One page of gaps; `rare` counts the questions that are in none."""

    gaps: list[FaqGapOut]
    rare: int
    next_cursor: UUID | None


class FaqDraftOut(TypedDict):
    """The draft that was begun, without an answer."""

    faq_id: str
    question: str
    aliases: list[str]
