"""A watch: bounds the waits of one stream by a moment that may be put off, with one timer for all of them.

It belongs to the task that waits first: asking for the current one costs more than all else here, each time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

Result = TypeVar("Result")

# A process that was held up looks at the clock before it looks at what has come. What it was late itself is
# not held against the other side: what is there within this time, in seconds, is taken.
GRACE_SECONDS = 0.1


class Watch:
    """`until` is in the loop's seconds, and may be changed at any time; `close` it at the end."""

    def __init__(self, until: float) -> None:
        self.until = until
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[object] | None = None
        self._waiting = self._over = self._rang = False

    async def wait(self, work: Awaitable[Result]) -> Result:
        """What comes of the work; raises TimeoutError, and cancels it, when it is not there at `until`."""
        task = self._task or self._taken()
        cancelling = task.cancelling()
        if self._timer is None:
            self._over = False
            self._timer = self._loop.call_at(self.until, self._look)
        self._waiting = True
        try:
            return await work
        except asyncio.CancelledError:
            # Somebody else's cancel goes on; ours ends here.
            if self._rang and task.cancelling() <= cancelling + 1:
                raise TimeoutError from None
            raise
        finally:
            self._waiting = False
            if self._rang:
                self._rang = False
                task.uncancel()

    def close(self) -> None:
        """Let go of the timer."""
        if self._timer is not None:
            self._timer.cancel()

    def _taken(self) -> asyncio.Task[object]:
        task = self._task = asyncio.current_task()
        assert task is not None
        return task

    def _look(self) -> None:
        self._timer = None
        if self._loop.time() < self.until:
            self._over = False
            self._timer = self._loop.call_at(self.until, self._look)
        elif not self._over:
            self._over = True
            self._timer = self._loop.call_later(GRACE_SECONDS, self._look)
        elif self._waiting and self._task is not None:
            self._rang = True
            self._task.cancel()
