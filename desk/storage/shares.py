"""Shares: no tenant holds more than a part of a process's connections, so a slow one leaves room for others.

What a tenant wants beyond its share waits in a line of its own, in order; who would stand too far back is
refused at once.
"""

from __future__ import annotations

import asyncio
from collections import deque

from desk.domain import TenantId

MOST_IN_LINE = 100


class Shares:
    """Who holds how many connections; a tenant that holds none leaves no trace."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: dict[TenantId, int] = {}
        self._lines: dict[TenantId, deque[asyncio.Future[None]]] = {}

    async def take(self, tenant_id: TenantId, seconds: float) -> bool:
        """Take a place of the tenant's share, to `leave` it later; False if none gets free in time."""
        held = self._held.get(tenant_id, 0)
        if held < self._most:
            self._held[tenant_id] = held + 1
            return True
        line = self._lines.setdefault(tenant_id, deque())
        if len(line) >= MOST_IN_LINE:
            return False
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append(turn)
        try:
            await asyncio.wait({turn}, timeout=seconds)
        except asyncio.CancelledError:
            if turn.done():
                self.leave(tenant_id)  # the place was given to us at the very moment we left
            raise
        finally:
            line.remove(turn)
            if not line:
                del self._lines[tenant_id]
        return turn.done()

    def leave(self, tenant_id: TenantId) -> None:
        """Give a place back: to the next in the tenant's line, if there is one."""
        for turn in self._lines.get(tenant_id, ()):
            if not turn.done():
                turn.set_result(None)
                return
        held = self._held[tenant_id] - 1
        if held:
            self._held[tenant_id] = held
        else:
            del self._held[tenant_id]
