"""The typed events of a turn, in the order a reader sees them; the wire form is made in `server/events.py`.

accepted, then any of step | token | citation | tool | handoff | degraded | revise, then one done or error.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal
from uuid import UUID

from desk.domain import Citation


@dataclass(frozen=True, slots=True)
class Accepted:
    """The turn is committed and cannot be lost any more."""

    name: ClassVar[str] = "accepted"
    turn_id: UUID
    conversation_id: UUID


@dataclass(frozen=True, slots=True)
class Step:
    """A node started or ended; `ms` is its time once it has ended."""

    name: ClassVar[str] = "step"
    node: str
    state: Literal["started", "ended"]
    ms: float | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the answer, already verified and restored."""

    name: ClassVar[str] = "token"
    text: str


@dataclass(frozen=True, slots=True)
class Cited:
    """A source of the answer."""

    name: ClassVar[str] = "citation"
    citation: Citation


@dataclass(frozen=True, slots=True)
class ToolUsed:
    """A tool was called, has answered, or has failed."""

    name: ClassVar[str] = "tool"
    tool: str
    state: Literal["started", "ended", "failed"]


@dataclass(frozen=True, slots=True)
class HandoffChanged:
    """The conversation's hand-over to a person changed state."""

    name: ClassVar[str] = "handoff"
    handoff_id: UUID
    state: str


@dataclass(frozen=True, slots=True)
class Degraded:
    """Something was away, and what was done instead."""

    name: ClassVar[str] = "degraded"
    what: str
    instead: str


@dataclass(frozen=True, slots=True)
class Revised:
    """Replace everything shown so far by `text`."""

    name: ClassVar[str] = "revise"
    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The turn is committed; `reply` is the whole reply object of the contract."""

    name: ClassVar[str] = "done"
    reply: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Failed:
    """The turn could not be completed; `problem` is the problem+json body."""

    name: ClassVar[str] = "error"
    problem: dict[str, Any]


TurnEvent = Accepted | Step | Token | Cited | ToolUsed | HandoffChanged | Degraded | Revised | Done | Failed


def event_data(event: TurnEvent) -> dict[str, Any]:
    """The event's payload as plain data, as the contract spells it."""
    match event:
        case Token(text):
            return {"text": text}
        case Done(told) | Failed(told):
            return told
        case Step(node, state, ms):
            return {"node": node, "state": state} | ({} if ms is None else {"ms": ms})
        case Cited(citation):
            return asdict(citation)
        case ToolUsed(tool, state):
            return {"name": tool, "state": state}
        case _:
            return {name: getattr(event, name) for name in event.__slots__}
