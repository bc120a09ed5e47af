"""Pace: streams of one text at so many words a second each, all of them on one timer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

# The streams stand in so many rows, whose turns are spread over the time of a word.
ROWS = 16
# The head and two words: who looks at whole words only has seen the first then.
AT_ONCE = 3
# Until all streams are there, those that are get a word so often that nobody takes the model for dead.
LINGER_SECONDS = 3.0
# Streams that have said everything are ended one after the other: a thousand ends at one moment are a load of
# their own, and none that is asked for here.
ENDS_PER_SECOND = 200


@dataclass(slots=True)
class Stream:
    """Where one stream is in the text."""

    transport: asyncio.Transport
    place: int = 0


class Pace:
    """Writes ready-made pieces, the head first; `together` streams are gathered before the pace begins."""

    def __init__(self, pieces: Sequence[bytes], per_second: float, together: int) -> None:
        self._pieces = pieces
        self._step = 1 / per_second / ROWS
        self._together = together
        self._rows: list[list[Stream]] = [[] for _ in range(ROWS)]
        self._come = self._turn = 0
        self._ending: deque[Stream] = deque()
        self._loop = asyncio.get_running_loop()
        self._next = 0.0
        self._timer = self._loop.call_later(LINGER_SECONDS, self._linger)

    def join(self, transport: asyncio.Transport) -> None:
        """Begin a stream: its head and its first words come at once."""
        stream = Stream(transport)
        for _ in range(AT_ONCE):
            self._write(stream)
        self._rows[self._come % ROWS].append(stream)
        self._come += 1
        if self._come == self._together:
            self._timer.cancel()
            self._next = self._loop.time()
            self._tick()

    def stop(self) -> None:
        """Leave all streams as they are."""
        self._timer.cancel()

    def _linger(self) -> None:
        for row in self._rows:
            self._write_all(row)
        self._timer = self._loop.call_later(LINGER_SECONDS, self._linger)

    def _tick(self) -> None:
        # The loop's timers are exact to a millisecond; what one is late, the next is not.
        while self._next <= self._loop.time():
            self._write_all(self._rows[self._turn])
            self._turn = (self._turn + 1) % ROWS
            self._next += self._step
        self._timer = self._loop.call_at(self._next, self._tick)

    def _write_all(self, row: list[Stream]) -> None:
        for stream in row:
            self._write(stream)
        ended = [stream for stream in row if stream.place >= len(self._pieces) - 1]
        if ended:
            row[:] = [stream for stream in row if stream.place < len(self._pieces) - 1]
            if not self._ending:
                self._loop.call_later(1 / ENDS_PER_SECOND, self._end)
            self._ending += ended

    def _end(self) -> None:
        self._write(self._ending.popleft())
        if self._ending:
            self._loop.call_later(1 / ENDS_PER_SECOND, self._end)

    def _write(self, stream: Stream) -> None:
        if stream.transport.is_closing():
            stream.place = len(self._pieces)
            return
        stream.transport.write(self._pieces[stream.place])
        stream.place += 1
