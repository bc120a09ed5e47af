"""Hit counting in Redis: exact over all processes, one round trip for all windows of a request."""

from __future__ import annotations

import time
from uuid import uuid4

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from desk.cache.port import CacheAway, Window

# A sorted set of hit times per key; a hit is added only if every window has room for it.
_HIT = """
local now = tonumber(ARGV[1])
local wait = 0
local longest = 0
for i = 3, #ARGV, 2 do
    local limit, span = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
    if span > longest then longest = span end
    local inside = redis.call('ZCOUNT', KEYS[1], '(' .. (now - span), '+inf')
    if inside >= limit then
        local oldest = redis.call('ZREVRANGE', KEYS[1], limit - 1, limit - 1, 'WITHSCORES')[2]
        wait = math.max(wait, tonumber(oldest) + span - now)
    end
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - longest)
if wait > 0 then return tostring(wait) end
redis.call('ZADD', KEYS[1], now, ARGV[2])
redis.call('PEXPIRE', KEYS[1], longest * 1000)
return '0'
"""
_TIMEOUT_SECONDS = 0.1


class RedisHits:
    """Shared by every process that uses the same Redis."""

    def __init__(self, url: str) -> None:
        # The client's own defaults wait 5 s and retry ten times: a frozen Redis would freeze us.
        self._redis = Redis.from_url(
            url,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._script = self._redis.register_script(_HIT)

    async def hit(self, key: str, windows: tuple[Window, ...]) -> int | None:
        """See HitCounter."""
        spans = [number for window in windows for number in (window.limit, window.seconds)]
        try:
            wait = float(await self._script([f"hits:{key}"], [time.time(), uuid4().hex, *spans]))
        except (RedisError, OSError) as error:
            raise CacheAway(type(error).__name__) from error
        return None if wait <= 0 else max(1, int(wait) + 1)

    async def ping(self) -> None:
        """Raises CacheAway when Redis does not answer."""
        try:
            await self._redis.ping()
        except (RedisError, OSError) as error:
            raise CacheAway(type(error).__name__) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
