"""Hit counting in this process's memory: exact for one process, and what is left when Redis is away."""

from __future__ import annotations

import time
from collections import OrderedDict, deque

from desk.cache.port import Window

_MOST_KEYS = 50_000


class MemoryHits:
    """A bounded log of recent hits for each key."""

    def __init__(self) -> None:
        self._hits: OrderedDict[str, deque[float]] = OrderedDict()

    async def hit(self, key: str, windows: tuple[Window, ...]) -> int | None:
        """See HitCounter."""
        now = time.monotonic()
        hits = self._hits.setdefault(key, deque())
        self._hits.move_to_end(key)
        if len(self._hits) > _MOST_KEYS:
            self._hits.popitem(last=False)
        longest = max(window.seconds for window in windows)
        while hits and hits[0] <= now - longest:
            hits.popleft()
        wait = max((_wait(hits, window, now) for window in windows), default=0)
        if wait:
            return wait
        hits.append(now)
        return None

    async def close(self) -> None:
        """Nothing is open."""


def _wait(hits: deque[float], window: Window, now: float) -> int:
    """Seconds until the window has room; 0 when it has."""
    inside = [at for at in hits if at > now - window.seconds]
    if len(inside) < window.limit:
        return 0
    return max(1, int(inside[-window.limit] + window.seconds - now) + 1)
