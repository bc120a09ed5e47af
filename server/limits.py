"""Rate limits: so many requests of a caller in a minute and an hour; never unlimited without Redis."""

from __future__ import annotations

import time

import structlog

from desk.cache.memory import MemoryHits
from desk.cache.port import CacheAway, HitCounter, Window
from desk.errors import RateLimited
from desk.settings import Settings
from desk.telemetry.metrics import DEGRADED
from server.auth import Caller

_RETRY_AFTER_SECONDS = 5.0

log = structlog.get_logger("desk.limits")


class Limits:
    """Counts in Redis when there is one; while it is away, in this process with the same limits."""

    def __init__(self, settings: Settings, shared: HitCounter | None) -> None:
        self._windows = (
            Window(settings.rate_limit_per_minute, 60),
            Window(settings.rate_limit_per_hour, 3600),
        )
        self._shared = shared
        self._local = MemoryHits()
        self._away_until = 0.0

    async def check(self, caller: Caller) -> None:
        """Count a request; raises RateLimited with the seconds to wait."""
        who = caller.principal.subject_id or caller.api_key_id
        wait = await self._hit(f"{caller.tenant.id}:{who}")
        if wait is not None:
            raise RateLimited(wait)

    async def close(self) -> None:
        """Close the shared counter."""
        if self._shared is not None:
            await self._shared.close()

    async def _hit(self, key: str) -> int | None:
        if self._shared is None or time.monotonic() < self._away_until:
            return await self._local.hit(key, self._windows)
        try:
            return await self._shared.hit(key, self._windows)
        except CacheAway as error:
            self._away_until = time.monotonic() + _RETRY_AFTER_SECONDS
            DEGRADED.labels("redis").inc()
            log.warning("degraded", what="redis rate limits", instead="this process's", error=str(error))
            return await self._local.hit(key, self._windows)
