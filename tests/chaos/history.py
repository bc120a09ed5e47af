"""The history: what a client sent and what it was told, written down by the client's side alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from tests.chaos.wire import Event

How = Literal["send", "stream", "resume"]
Deleted = Literal["no", "perhaps", "yes"]

# Told in another way, the same turn may still end; everything else is a last word.
PASSING = frozenset({409, 429, 503})
LAST = frozenset({"done", "error"})


@dataclass(slots=True)
class Attempt:
    """One request; its status is None if it was cut before it had one, `whole` says its answer was not."""

    at: float
    replica: str
    how: How
    status: int | None = None
    body: Any = None
    events: list[Event] = field(default_factory=list)
    whole: bool = False
    seconds: float = 0.0


@dataclass(slots=True)
class Sent:
    """One message under one Idempotency-Key, in however many attempts."""

    key: str
    message: str
    conversation_id: str | None = None
    writer: int = 0
    attempts: list[Attempt] = field(default_factory=list)
    readings: list[list[Event]] = field(default_factory=list)
    cancelled: bool = False

    @property
    def told(self) -> list[Any]:
        """Every last word that the client heard: replies, and problems that are no passing ones."""
        words = [attempt.body for attempt in self.attempts if attempt.how == "send" and is_last(attempt)]
        return words + [
            event.data for attempt in self.attempts for event in attempt.events if event.name in LAST
        ]

    @property
    def replies(self) -> list[Any]:
        """The whole replies among them."""
        return [word for word in self.told if "reply" in word]

    @property
    def turn_ids(self) -> set[str]:
        """Every turn that this key was said to be: more than one is one too many."""
        told = {event.data["turn_id"] for event in self._events() if event.name == "accepted"}
        return told | {reply["turn_id"] for reply in self.replies}

    @property
    def accepted(self) -> bool:
        """Whether the client was told that its message is kept."""
        return bool(self.turn_ids)

    def _events(self) -> list[Event]:
        return [event for attempt in self.attempts for event in attempt.events]


@dataclass(slots=True)
class Talk:
    """One conversation as its customer remembers it; each writer sends one message after the other."""

    tenant: str
    email: str
    id: str | None = None
    sent: list[Sent] = field(default_factory=list)
    deleted: Deleted = "no"
    # A later message may stop the one before, which is then cancelled without being asked to.
    interrupts: bool = False
    # People speak in it too, and the assistant says when they come and go.
    handed: bool = False


@dataclass(slots=True)
class History:
    """All that the clients of one run remember."""

    talks: list[Talk] = field(default_factory=list)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))

    def begin(self, tenant: str, email: str) -> Talk:
        """A new conversation of a customer."""
        talk = Talk(tenant, email)
        self.talks.append(talk)
        return talk

    @property
    def sent(self) -> list[Sent]:
        """Every message of every talk."""
        return [sent for talk in self.talks for sent in talk.sent]


def shown(events: list[Event]) -> str:
    """What stands on the screen of who read these events."""
    text = ""
    for event in events:
        if event.name == "token":
            text += event.data["text"]
        elif event.name == "revise":
            text = event.data["text"]
    return text


def is_last(attempt: Attempt) -> bool:
    """Whether an answer that is no stream was a last word: a stored problem names its turn, a fault not."""
    if not attempt.whole or attempt.status in PASSING or attempt.body is None:
        return False
    return attempt.status != 500 or "-" in attempt.body["correlation_id"]
