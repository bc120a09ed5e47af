"""Overload: tells when this process has more to do than it can, so that new turns are turned away at once.

A turn that is refused in a few milliseconds may be sent again; one that is accepted and waits for seconds
makes all others wait too. There are two queues that may stand: what the event loop has to compute, and a
tenant's line for the database, which is that tenant's alone.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from desk.domain import TenantId
from desk.errors import Overloaded
from desk.telemetry.metrics import SHED

_RING_SECONDS = 0.01
# The event loop may be held up for a moment, as when the collector runs; over three rings it is a queue.
_RINGS = 3
_QUEUE_SECONDS = 0.012
_FEW_TURNS = 16
_MOST_WAITING = 100


class Overload:
    """Rings every ten milliseconds and notes what had to be computed first; before `start` it never refuses.

    A ring that is late tells nothing by itself: another program may have had the processor, and refusing
    would help nobody. What counts is the processor's time that our own loop spent meanwhile. Readers that
    wait spend none. With few requests under way there is no queue, only turns that are long.
    """

    def __init__(self) -> None:
        self._under_way = 0
        self._waiting: Callable[[], int] = lambda: 0
        self._crowded: Callable[[TenantId], bool] = lambda _: False
        self._queues: deque[float] = deque([0.0] * _RINGS, maxlen=_RINGS)
        self._timer: asyncio.TimerHandle | None = None
        self._spent = 0.0

    def start(self, waiting: Callable[[], int], crowded: Callable[[TenantId], bool]) -> None:
        """Begin to watch the running event loop, how many wait for the database, and each tenant's line."""
        self._waiting, self._crowded = waiting, crowded
        self._spent = time.thread_time()
        self._ring_later(asyncio.get_running_loop())

    def stop(self) -> None:
        """Watch no longer."""
        if self._timer is not None:
            self._timer.cancel()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """A request for a turn, until its answer begins: who reads a stream has been served."""
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
        """Whether new turns are to be turned away now, whoever's they are."""
        busy = self._under_way > _FEW_TURNS and self.queue > _QUEUE_SECONDS
        return busy or self._waiting() > _MOST_WAITING

    def refusal(self) -> Overloaded:
        """What a refused turn is told; counted."""
        SHED.inc()
        return Overloaded()

    def check(self, tenant_id: TenantId) -> None:
        """Raises Overloaded when new turns of the tenant are to be turned away."""
        if self.refuses or self._crowded(tenant_id):
            raise self.refusal()

    def _ring_later(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(_RING_SECONDS, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        spent = time.thread_time()
        # What fits between two rings that are in time is no queue.
        self._queues.append(spent - self._spent - _RING_SECONDS)
        self._spent = spent
        self._ring_later(loop)
