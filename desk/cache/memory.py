"""Without Redis: hit counting and turns' events in this process's memory, exact for one process."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Mapping, Sequence

from desk.cache.port import FEED_BATCHES, FEED_BATCHES_AT_ONCE, FEED_SECONDS, Batch, Standing, Window

_MOST_KEYS = 100_000
_MOST_TURNS = 2_000


class MemoryHits:
    """A log of the hits of each key in each window; the keys that were quiet longest are forgotten first."""

    processes = 1

    def __init__(self) -> None:
        self._hits: OrderedDict[tuple[str, int], deque[float]] = OrderedDict()

    async def hit(
        self,
        keys: Sequence[str],
        windows: Sequence[Window],
        *,
        told: int,  # noqa: ARG002 - all are exact here
    ) -> Standing:
        """See HitCounter."""
        now = time.monotonic()
        logs = [self._log(key, window, now) for key, window in zip(keys, windows, strict=True)]
        waits = [_wait(log, window, now) for log, window in zip(logs, windows, strict=True)]
        longest = max(waits, default=0.0)
        if longest <= 0:
            for log in logs:
                log.append(now)
        left = [
            wait or (log[0] if log else now) + window.seconds - now
            for wait, log, window in zip(waits, logs, windows, strict=True)
        ]
        return Standing(
            refused=waits.index(longest) if longest > 0 else None,
            used=tuple(map(len, logs)),
            left_ms=tuple(int(seconds * 1000) for seconds in left),
        )

    async def close(self) -> None:
        """Nothing is open."""

    def _log(self, key: str, window: Window, now: float) -> deque[float]:
        """The times of the hits inside, oldest first."""
        name = (key, window.seconds)
        log = self._hits.setdefault(name, deque())
        self._hits.move_to_end(name)
        if len(self._hits) > _MOST_KEYS:
            self._hits.popitem(last=False)
        while log and log[0] <= now - window.seconds:
            log.popleft()
        return log


def _wait(log: deque[float], window: Window, now: float) -> float:
    """Seconds until the window has room; 0 when it has."""
    return log[-window.limit] + window.seconds - now if len(log) >= window.limit else 0.0


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

    async def read(self, wanted: Mapping[str, int]) -> dict[str, list[Batch]]:
        """See Feed."""
        self._forget_old()
        known = ((key, self._turns[key][1], after) for key, after in wanted.items() if key in self._turns)
        found = {key: [batch for batch in kept if batch.last > after] for key, kept, after in known}
        return {key: batches[:FEED_BATCHES_AT_ONCE] for key, batches in found.items() if batches}

    async def forget(self, keys: Sequence[str]) -> None:
        """See Feed."""
        for key in keys:
            self._turns.pop(key, None)

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
