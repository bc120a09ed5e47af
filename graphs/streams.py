"""The live stream of one turn: one writer, any number of readers, each of which sees every event in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from desk.domain import ConversationId, TurnId
from desk.events import Done, Failed, TurnEvent

# A run that takes over a turn numbers its events far above those of the run before.
IDS_PER_ATTEMPT = 100_000


class TurnStream:
    """Events numbered from 1; a reader may come late and still gets all of them."""

    def __init__(self, turn_id: TurnId, conversation_id: ConversationId, *, attempt: int = 1) -> None:
        self.turn_id = turn_id
        self.conversation_id = conversation_id
        self._first_id = (attempt - 1) * IDS_PER_ATTEMPT + 1
        self._events: list[TurnEvent] = []
        self._more = asyncio.Event()
        self.ended = False

    def publish(self, event: TurnEvent) -> None:
        """Append an event; Done or Failed ends the stream."""
        self._events.append(event)
        self.ended = self.ended or isinstance(event, Done | Failed)
        waking, self._more = self._more, asyncio.Event()
        waking.set()

    async def read(self, after: int = 0) -> AsyncIterator[tuple[int, TurnEvent]]:
        """Every event with an id above `after`, then the end; leaving early does not stop the turn."""
        position = max(0, after - self._first_id + 1)
        while True:
            more = self._more
            while position < len(self._events):
                yield self._first_id + position, self._events[position]
                position += 1
            if self.ended:
                return
            await more.wait()

    async def outcome(self) -> dict[str, Any]:
        """The reply object or the problem of the last event."""
        async for _, event in self.read():
            if isinstance(event, Done):
                return event.reply
            if isinstance(event, Failed):
                return event.problem
        raise AssertionError("a stream ends with done or error")

    @property
    def last(self) -> TurnEvent:
        """The newest event."""
        return self._events[-1]

    @property
    def failed(self) -> bool:
        """Whether the stream ended in an error."""
        return self.ended and isinstance(self._events[-1], Failed)
