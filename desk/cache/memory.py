"""Without Redis: hit counting and turns' events in this process's memory, exact for one process."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Sequence

from desk.cache.port import FEED_BATCHES, FEED_SECONDS, Batch, Window

_MOST_KEYS = 50_000
_MOST_TURNS = 2_000


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


class MemoryFeed:
    """The newest turns' batches; the process's own readers find here what Redis would keep. See Feed."""

    def __init__(self) -> None:
        self._turns: OrderedDict[str, tuple[float, deque[Batch]]] = OrderedDict()
        self._listeners: set[asyncio.Queue[str]] = set()

    async def append(self, batches: Sequence[Batch]) -> None:
        """See Feed."""
        until = time.monotonic() + FEED_SECONDS
        for batch in batches:
            _, kept = self._turns.pop(batch.key, (0.0, deque[Batch](maxlen=FEED_BATCHES)))
            if not kept or batch.last > kept[-1].last:
                kept.append(batch)
            self._turns[batch.key] = (until, kept)
        self._forget_old()

    async def read(self, key: str, after: int) -> list[Batch]:
        """See Feed."""
        self._forget_old()
        _, kept = self._turns.get(key, (0.0, deque[Batch]()))
        return [batch for batch in kept if batch.last > after]

    async def hint(self, message: str) -> None:
        """See Feed."""
        for listener in self._listeners:
            listener.put_nowait(message)

    async def hints(self) -> AsyncIterator[str]:
        """See Feed."""
        queue: asyncio.Queue[str] = asyncio.Queue()
        self._listeners.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._listeners.discard(queue)

    async def close(self) -> None:
        """Nothing is open."""

    def _forget_old(self) -> None:
        now = time.monotonic()
        while self._turns:
            until, _ = next(iter(self._turns.values()))
            if until > now and len(self._turns) <= _MOST_TURNS:
                return
            self._turns.popitem(last=False)
