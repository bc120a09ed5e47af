"""Overload: tells when this process has more to do than it can, so that new turns are turned away at once.

A turn that is refused in a few milliseconds may be sent again; one that is accepted and waits for seconds
makes all others wait too.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from desk.errors import RateLimited
from desk.telemetry.metrics import SHED

RETRY_AFTER_SECONDS = 1
_RING_SECONDS = 0.01
# The event loop may be held up for a moment, as when the collector runs; over three rings it is a queue.
_RINGS = 3
_QUEUE_SECONDS = 0.012
_FEW_TURNS = 16
_MOST_WAITING = 100


class Overloaded(RateLimited):
    """This process has more to do than it can; another one, or this one in a second, may take the turn."""

    detail = "We are very busy; please send this again in a moment."


class Overload:
    """Rings every ten milliseconds and notes what had to be computed first; before `start` it never refuses.

    A ring that is late tells nothing by itself: another program may have had the processor, and refusing
    would help nobody. What counts is the processor's time that our own loop spent meanwhile. Readers that
    wait spend none. With few turns under way there is no queue, only turns that are long.
    """

    def __init__(self) -> None:
        self._under_way = 0
        self._waiting: Callable[[], int] = lambda: 0
        self._queues: deque[float] = deque([0.0] * _RINGS, maxlen=_RINGS)
        self._timer: asyncio.TimerHandle | None = None
        self._spent = 0.0

    def start(self, waiting: Callable[[], int]) -> None:
        """Begin to watch the running event loop, and how many are `waiting` for the database."""
        self._waiting = waiting
        self._spent = time.thread_time()
        self._ring_later(asyncio.get_running_loop())

    def stop(self) -> None:
        """Watch no longer."""
        if self._timer is not None:
            self._timer.cancel()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """A turn's request, for the life of the context."""
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    @property
    def queue(self) -> float:
        """Seconds of computing that stood before each of the last rings, at least."""
        return min(self._queues)

    @property
    def refuses(self) -> bool:
        """Whether new turns are to be turned away now."""
        busy = self._under_way > _FEW_TURNS and self.queue > _QUEUE_SECONDS
        return busy or self._waiting() > _MOST_WAITING

    def refusal(self) -> Overloaded:
        """What a refused turn is told; counted."""
        SHED.inc()
        return Overloaded(RETRY_AFTER_SECONDS)

    def check(self) -> None:
        """Raises Overloaded when new turns are to be turned away."""
        if self.refuses:
            raise self.refusal()

    def _ring_later(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(_RING_SECONDS, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        spent = time.thread_time()
        # What fits between two rings that are in time is no queue.
        self._queues.append(spent - self._spent - _RING_SECONDS)
        self._spent = spent
        self._ring_later(loop)
