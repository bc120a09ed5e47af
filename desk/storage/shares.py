"""Shares: no tenant holds more than a part of a process's connections, so a slow one leaves room for others.

What a tenant wants beyond its share waits in a line of its own, in order; who would stand too far back is
refused at once. New turns are turned away before that, so that those under way can be committed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from desk.domain import TenantId

# As many as the turns that may come to their end at one moment: a commit that is refused is a turn run again.
MOST_IN_LINE = 1000
# A line is crowded that holds so many, or more than a few while its first one has stood for long.
CROWDED = 60
FEW = 16
LONG_SECONDS = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """A place in a line: what is set when it is served, and since when it is held, in the loop's seconds."""

    turn: asyncio.Future[None]
    since: float


class Shares:
    """Who holds how many connections; a tenant that holds none leaves no trace."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: dict[TenantId, int] = {}
        self._lines: dict[TenantId, deque[_Place]] = {}

    async def take(self, tenant_id: TenantId, seconds: float) -> bool:
        """Take a place of the tenant's share, to `leave` it later; False if none gets free in time."""
        held = self._held.get(tenant_id, 0)
        if held < self._most:
            self._held[tenant_id] = held + 1
            return True
        line = self._lines.setdefault(tenant_id, deque())
        if len(line) >= MOST_IN_LINE:
            return False
        loop = asyncio.get_running_loop()
        place = _Place(loop.create_future(), loop.time())
        line.append(place)
        turn = place.turn
        try:
            await asyncio.wait({turn}, timeout=seconds)
        except asyncio.CancelledError:
            if turn.done():
                self.leave(tenant_id)  # the place was given to us at the very moment we left
            raise
        finally:
            line.remove(place)
            if not line:
                del self._lines[tenant_id]
        return turn.done()

    def crowded(self, tenant_id: TenantId) -> bool:
        """Whether the tenant's line is such that nothing new should be begun."""
        line = self._lines.get(tenant_id)
        if line is None or len(line) <= FEW:
            return False
        waited = asyncio.get_running_loop().time() - line[0].since
        return len(line) >= CROWDED or waited > LONG_SECONDS

    def leave(self, tenant_id: TenantId) -> None:
        """Give a place back: to the next in the tenant's line, if there is one."""
        for place in self._lines.get(tenant_id, ()):
            if not place.turn.done():
                place.turn.set_result(None)
                return
        held = self._held[tenant_id] - 1
        if held:
            self._held[tenant_id] = held
        else:
            del self._held[tenant_id]
