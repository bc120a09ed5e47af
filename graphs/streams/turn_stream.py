"""The stream of one turn in this process: any number of readers, each of which sees every event in order.

One writer at a time fills it: the run of the turn here, or a copy of the run in another process. Ids start at
1 and only grow; a run that takes a turn over numbers its events far above those of the run before.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

from desk.domain import ConversationId, TurnId
from desk.errors import Conflict, DeskError, Unavailable
from desk.events import Accepted, Done, Failed, Revised, TurnEvent
from graphs.streams.frames import event_of, frame

IDS_PER_RUN = 1_000_000
# Above the ids of every run: what is told of an end that was looked up. Every process numbers it alike, so
# who leaves in the middle of it goes on anywhere, and is not told the run's own events on top.
LOOKED_UP = 2**52
HEARTBEAT_SECONDS = 10.0
HEARTBEAT = b": still here\n\n"


class TurnStream:
    """Events with their frames; a reader may come late and still gets all of them."""

    # `copied` counts the events that came from another process, `patience` is how long `outcome` waits.

    def __init__(self, turn_id: TurnId, conversation_id: ConversationId, *, run: int = 1) -> None:
        self.turn_id = turn_id
        self.conversation_id = conversation_id
        self.readers = 0
        self.copied = 0
        self.patience: float | None = None
        self._seen = 0
        self._next_id = 1
        self._ids: list[int] = []
        self._events: list[TurnEvent] = []
        self._frames: list[bytes] = []  # of the first events, as far as somebody wanted them
        self._waiting: list[asyncio.Future[None]] = []
        self._end = asyncio.Event()
        self.begin_run(run)

    def __len__(self) -> int:
        return len(self._ids)

    def begin_run(self, run: int) -> None:
        """Number what follows as the `run`-th run of the turn; all but the first take back what was shown."""
        self._next_id = max(self._next_id, (run - 1) * IDS_PER_RUN + 1)
        if run > 1:
            self.publish(Revised(""))

    def publish(self, event: TurnEvent) -> None:
        """Append an event; Done or Failed ends the stream. A second `accepted` is left out."""
        if isinstance(event, Accepted) and self._tells_accepted():
            return
        self._append(self._next_id, event)

    def copy(self, event_id: int, one: bytes) -> None:
        """Append a frame of another process, under its id; one that is here already is left out."""
        if event_id >= self._next_id:
            self._framed()
            self._append(event_id, event_of(one))
            self._frames.append(one)
        self.copied = len(self._ids)

    def note_seen(self, after: int) -> None:
        """A reader has seen the events up to `after`, perhaps elsewhere."""
        self._seen = max(self._seen, after)

    def conclude(self, *events: TurnEvent) -> None:
        """Append what the database knows of the end, above all ids that any reader has seen."""
        begins = LOOKED_UP + 1 if len(events) > 1 else self._seen + 1
        self._next_id = max(self._next_id, begins)
        for event in events:
            self.publish(event)

    def abandon(self) -> None:
        """End here without a last event: the turn goes on elsewhere, and its readers may follow it there."""
        self._end.set()
        self.wake()

    def wake(self) -> None:
        """Let every waiting reader look again."""
        waiting, self._waiting = self._waiting, []
        for reader in waiting:
            if not reader.done():
                reader.set_result(None)

    async def read(self, after: int = 0) -> AsyncIterator[tuple[int, TurnEvent]]:
        """Every event with an id above `after`, then the end; leaving early does not stop the turn.

        If the turn goes on elsewhere, the last one is Failed with a problem that may be retried.
        """
        position = 0
        self.readers += 1
        try:
            while True:
                position = max(position, bisect_right(self._ids, after))
                while position < len(self._events):
                    yield self._ids[position], self._events[position]
                    position += 1
                if self.ended:
                    break
                await self._wait()
        finally:
            self.readers -= 1
        if self.abandoned:
            yield self._next_id, Failed(problem_of(Unavailable(), self.turn_id))

    async def frames(self, after: int = 0) -> AsyncGenerator[bytes, None]:
        """The same as frames, all that wait in one piece, and a comment after ten silent seconds."""
        position, behind = 0, True
        self.readers += 1
        beat = _Beat(self.wake)
        try:
            while True:
                if behind:
                    position = bisect_right(self._ids, after)
                waiting = self._framed()[position:]
                if waiting:
                    behind = False
                    position += len(waiting)
                    beat.told()
                    yield b"".join(waiting)
                elif self.ended:
                    return
                elif beat.due:
                    beat.told()
                    yield HEARTBEAT
                else:
                    await self._wait()
        finally:
            self.readers -= 1
            beat.cancel()

    def frames_from(self, position: int) -> list[tuple[int, bytes]]:
        """What was appended since `position`, as ids and frames."""
        return list(zip(self._ids[position:], self._framed()[position:], strict=True))

    async def over(self) -> None:
        """Wait for the end, whatever it is."""
        await self._end.wait()

    async def outcome(self) -> dict[str, Any]:
        """The reply or the problem of the last event; raises Conflict if it takes too long elsewhere."""
        self.readers += 1
        try:
            async with asyncio.timeout(self.patience):
                await self._end.wait()
        except TimeoutError:
            raise Conflict("This turn is not over yet; send the same key again to get its answer.") from None
        finally:
            self.readers -= 1
        match self._events[-1] if self._events else None:
            case Done(reply):
                return reply
            case Failed(problem):
                return problem
            case _:
                return problem_of(Unavailable(), self.turn_id)

    @property
    def ended(self) -> bool:
        """Whether nothing more comes here."""
        return self._end.is_set()

    @property
    def last(self) -> TurnEvent:
        """The newest event."""
        return self._events[-1]

    @property
    def last_id(self) -> int:
        """The newest event's id; 0 before the first."""
        return self._ids[-1] if self._ids else 0

    @property
    def streamed(self) -> bool:
        """Whether somebody has read it frame by frame, and may come back for the rest."""
        return bool(self._frames)

    @property
    def failed(self) -> bool:
        """Whether the stream ended without an answer."""
        return self.ended and not (self._events and isinstance(self.last, Done))

    @property
    def abandoned(self) -> bool:
        """Whether the stream ended while the turn did not."""
        return self.ended and not (self._events and isinstance(self.last, Done | Failed))

    def _wait(self) -> asyncio.Future[None]:
        # Nobody runs between a reader's look and this, so no event is missed.
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        return waiter

    def _tells_accepted(self) -> bool:
        return any(isinstance(event, Accepted) for event in self._events[:2])

    def _framed(self) -> list[bytes]:
        """The frames of all events: made when somebody first wants them, and once for all."""
        made = len(self._frames)
        if made == len(self._events):
            return self._frames
        rest = zip(self._ids[made:], self._events[made:], strict=True)
        self._frames += [frame(event_id, event) for event_id, event in rest]
        return self._frames

    def _append(self, event_id: int, event: TurnEvent) -> None:
        self._ids.append(event_id)
        self._events.append(event)
        self._next_id = event_id + 1
        if isinstance(event, Done | Failed):
            self._end.set()
        self.wake()


class _Beat:
    """Falls due when nothing was told for ten seconds; one timer a reader, none an event."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(HEARTBEAT_SECONDS, self._ring)
        self.told()

    def told(self) -> None:
        self._told_at = self._loop.time()
        self.due = False

    def cancel(self) -> None:
        self._timer.cancel()

    def _ring(self) -> None:
        quiet = self._loop.time() - self._told_at
        self.due = quiet >= HEARTBEAT_SECONDS
        if self.due:
            self._wake()
        rest = HEARTBEAT_SECONDS if self.due else HEARTBEAT_SECONDS - quiet
        self._timer = self._loop.call_later(rest, self._ring)


def problem_of(error: DeskError, turn_id: TurnId) -> dict[str, Any]:
    """The problem+json body of an error, with the turn as its correlation id."""
    return {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "correlation_id": str(turn_id),
    }
