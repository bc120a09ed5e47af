"""Frames: a turn's events in the form in which they travel, encoded once for all readers and processes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson

from desk.domain import Citation
from desk.events import (
    Accepted,
    Cited,
    Degraded,
    Done,
    Failed,
    HandoffChanged,
    Revised,
    Step,
    Token,
    ToolUsed,
    TurnEvent,
    event_data,
)

_END = b"\n\n"


def frame(event_id: int, event: TurnEvent) -> bytes:
    """One server-sent event; its JSON holds no line break, so a blank line always ends it."""
    data = orjson.dumps(event_data(event))
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event_id, event.name.encode(), data)


def split_frames(frames: bytes) -> list[tuple[int, bytes]]:
    """Frames that were put together, each with its id."""
    return [(int(part[4 : part.index(b"\n")]), part + _END) for part in frames.split(_END)[:-1]]


def fields_of(one: bytes) -> tuple[int, str, bytes]:
    """A frame's id, the event's name, and its data as JSON."""
    number, name, data = one.rstrip(b"\n").split(b"\n", 2)
    return int(number[4:]), name[7:].decode(), data[6:]


def is_error(one: bytes) -> bool:
    """Whether the frame is the last one of a run that failed."""
    return one.split(b"\n", 2)[1] == b"event: error"


def event_of(one: bytes) -> TurnEvent:
    """The event that a frame was made of; raises ValueError for a name that no version of ours used."""
    _, name, raw = fields_of(one)
    data: dict[str, Any] = orjson.loads(raw)
    match name:
        case "token":
            return Token(data["text"])
        case "revise":
            return Revised(data["text"])
        case "done":
            return Done(data)
        case "error":
            return Failed(data)
        case "accepted":
            return Accepted(UUID(data["turn_id"]), UUID(data["conversation_id"]))
        case _:
            return _progress(name, data)


def _progress(name: str, data: dict[str, Any]) -> TurnEvent:
    match name:
        case "step":
            return Step(data["node"], data["state"], data.get("ms"))
        case "tool":
            return ToolUsed(data["name"], data["state"])
        case "citation":
            return Cited(Citation(**data))
        case "handoff":
            return HandoffChanged(UUID(data["handoff_id"]), data["state"])
        case "degraded":
            return Degraded(data["what"], data["instead"])
        case _:
            raise ValueError(f"unknown event {name!r}")
