"""What Redis does: hit counting, exact over all processes, and the events of turns for other processes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import uuid4

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from desk.cache.port import FEED_BATCHES, FEED_SECONDS, Batch, CacheAway, Window

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
# Many turns' batches in one call, a key and three arguments each. The ids of a writer that was left behind
# are too low, so its entries are refused.
_APPEND = f"""
for i = 1, #KEYS do
    local at = i * 3 - 2
    redis.pcall('XADD', KEYS[i], 'MAXLEN', '~', {FEED_BATCHES}, ARGV[at + 1] .. '-0',
        'f', ARGV[at], 's', ARGV[at + 2])
    redis.call('EXPIRE', KEYS[i], {FEED_SECONDS})
end
"""
_CHANNEL = "turns"
_TIMEOUT_SECONDS = 0.1
_LISTEN_SECONDS = 5.0
_LISTEN_AGAIN_SECONDS = 1.0


class RedisHits:
    """Shared by every process that uses the same Redis."""

    def __init__(self, url: str) -> None:
        self._redis = _client(url)
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


class RedisFeed:
    """A stream for each turn, one entry a batch, whose id is the last event's id; see Feed."""

    def __init__(self, url: str) -> None:
        self._redis = _client(url)
        self._script = self._redis.register_script(_APPEND)

    async def append(self, batches: Sequence[Batch]) -> None:
        """See Feed."""
        keys = [batch.key for batch in batches]
        values = [value for batch in batches for value in (batch.first, batch.last, batch.sealed)]
        try:
            await self._script(keys, values)
        except (RedisError, OSError) as error:
            raise CacheAway(type(error).__name__) from error

    async def read(self, key: str, after: int) -> list[Batch]:
        """See Feed."""
        try:
            entries: Any = await self._redis.xrange(key, min=f"({after}-0")
        except (RedisError, OSError) as error:
            raise CacheAway(type(error).__name__) from error
        return [
            Batch(key, int(fields[b"f"]), int(entry_id.split(b"-")[0]), fields[b"s"])
            for entry_id, fields in entries
        ]

    async def hint(self, message: str) -> None:
        """See Feed."""
        try:
            await self._redis.publish(_CHANNEL, message)
        except (RedisError, OSError) as error:
            raise CacheAway(type(error).__name__) from error

    async def hints(self) -> AsyncIterator[str]:
        """See Feed."""
        while True:
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as listener:
                    await listener.subscribe(_CHANNEL)
                    while True:
                        message = await listener.get_message(timeout=_LISTEN_SECONDS)
                        if message is not None:
                            yield message["data"].decode()
            except (RedisError, OSError):
                await asyncio.sleep(_LISTEN_AGAIN_SECONDS)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


def _client(url: str) -> Redis:
    # The client's own defaults wait 5 s and retry ten times: a frozen Redis would freeze us.
    return Redis.from_url(
        url,
        socket_timeout=_TIMEOUT_SECONDS,
        socket_connect_timeout=_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
