"""The brake of a running turn: its customer's `cancel` stops the graph, and never the commit or an effect."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class Stopped(Exception):
    """The brake was pulled while the work ran, or before."""


class Brake:
    """Pull it at any time and as often as you like; only work under `stoppable` is stopped by it."""

    def __init__(self, *, pulled: bool = False) -> None:
        self.pulled = pulled
        self._released = False
        self._task: asyncio.Task[Any] | None = None
        self._cancelled: asyncio.Task[Any] | None = None

    def pull(self) -> None:
        """Stop the work where it waits; what it holds open (a model's stream) is closed on the way out."""
        if self.pulled or self._released:
            return
        self.pulled = True
        if self._task is not None:
            self._cancelled = self._task
            self._task.cancel()

    def release(self) -> None:
        """From here on the turn cannot be stopped: it is about to change the customer's world."""
        self._released = True

    async def stoppable(self, work: Coroutine[Any, Any, Result]) -> Result:
        """The work's result; raises Stopped if the brake was pulled before it had one."""
        if self.pulled:
            work.close()
            raise Stopped
        task = self._task = asyncio.current_task()
        assert task is not None
        try:
            return await work
        except asyncio.CancelledError:
            # Somebody else's cancel (shutdown, time over) goes on; ours ends here.
            if self._cancelled is not task or task.uncancel() > 0:
                raise
            raise Stopped from None
        finally:
            self._task = None
