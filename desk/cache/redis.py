"""What Redis does: hit counting, exact over all processes, and the events of turns for other processes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from struct import pack, unpack
from typing import Any, TypeVar
from uuid import uuid4

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError

from desk.cache.port import (
    FEED_BATCHES,
    FEED_BATCHES_AT_ONCE,
    FEED_SECONDS,
    Batch,
    CacheAway,
    Standing,
    Window,
)
from desk.errors import Misconfigured

# For each window a list of the times of its hits, in microseconds of Redis's own clock, newest first. A hit
# is put in front everywhere and taken back if one window had no room. What has left a window is cut off,
# found from the old end in growing steps: in the first windows, of which the caller is told, at once, in the
# others when they look full. Names and numbers come and go packed in one string each, as the client spends
# more on an argument than Redis does on a window.
_HIT = """
local call, pack, unpack = redis.call, struct.pack, struct.unpack
local clock = call('TIME')
local now = clock[1] * 1000000 + clock[2]
local told, counts, windows, at = unpack('>I4I4I4', ARGV[1])
local keys, spans, reply, refused, longest, processes = {}, {}, {}, 0, 0, 0

local function forget(key, used, gone)
    local low, kept, step = 0, used - 1, 1
    while kept > 0 do
        local place = math.max(kept - step, 0)
        if tonumber(call('LINDEX', key, place)) > gone then low = place + 1 break end
        kept, step = place, step * 2
    end
    while low < kept do
        local middle = math.floor((low + kept) / 2)
        if tonumber(call('LINDEX', key, middle)) > gone then low = middle + 1 else kept = middle end
    end
    call('LTRIM', key, 0, kept - 1)
    return kept
end

for i = 1, windows do
    local key, limit, seconds, left = '', 0, 0, 0
    limit, seconds, key, at = unpack('>I4I4s', ARGV[1], at)
    local span = seconds * 1000000
    local used = call('LPUSH', key, now)
    if i <= told or used > limit then
        local oldest = call('LINDEX', key, -1)
        if tonumber(oldest) <= now - span then
            used = forget(key, used, now - span)
            oldest = call('LINDEX', key, -1)
        end
        if used > limit then oldest = call('LINDEX', key, limit) end
        left = math.ceil((oldest + span - now) / 1000)
        if used > limit and left > longest then refused, longest = i, left end
    end
    keys[i], spans[i] = key, seconds
    reply[i] = pack('>I4I4', used, left)
end
for i = 1, windows do
    if refused == 0 then call('EXPIRE', keys[i], spans[i]) else call('LPOP', keys[i]) end
end
if counts == 1 then
    call('ZADD', 'hits:processes', clock[1], ARGV[2])
    call('ZREMRANGEBYSCORE', 'hits:processes', '-inf', clock[1] - 600)
    processes = call('ZCARD', 'hits:processes')
end
return pack('>I4I4', refused, processes) .. table.concat(reply)
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
Result = TypeVar("Result")

_CHANNEL = "turns"
_TIMEOUT_SECONDS = 0.1
_MOST_LATE_SECONDS = 1.0
_MOST_AT_ONCE = 100
# Turns of which the news is asked in one message.
_MOST_READ = 200
_COUNT_PROCESS_SECONDS = 5.0
_LISTEN_SECONDS = 5.0
_LISTEN_AGAIN_SECONDS = 1.0


def check_redis_address(url: str) -> None:
    """Raises Misconfigured when this cannot be the address of a Redis; nothing is connected."""
    _client(url)


class RedisHits:
    """Shared by every process that uses the same Redis.

    Hits that come at the same time go in one message: hundreds of connections, each with its own handshake,
    would take longer than Redis may.
    """

    def __init__(self, url: str) -> None:
        self._redis = _client(url)
        self._waiting: list[tuple[bytes, asyncio.Future[bytes]]] = []
        self._sending: asyncio.Task[None] | None = None
        self._script = self._redis.register_script(_HIT)
        self._process = uuid4().hex
        call = f"*5\r\n$7\r\nEVALSHA\r\n$40\r\n{self._script.sha}\r\n$1\r\n0\r\n"
        self._command = b"%b$%%d\r\n%%b\r\n$32\r\n%b\r\n" % (call.encode(), self._process.encode())
        self._processes = 1
        self._counted_until = 0.0

    @property
    def processes(self) -> int:
        """See HitCounter."""
        return self._processes

    async def hit(self, keys: Sequence[str], windows: Sequence[Window], *, told: int) -> Standing:
        """See HitCounter."""
        counts = not windows or time.monotonic() >= self._counted_until
        packed = [pack(">III", told, counts, len(windows))]
        for key, window in zip(keys, windows, strict=True):
            packed.append(pack(">II", window.limit, window.seconds))
            packed.append(b"hits:%b:%d\0" % (key.encode(), window.seconds))
        try:
            answer = await self._ask(b"".join(packed))
        except (RedisError, OSError) as error:
            raise CacheAway(type(error).__name__) from error
        refused, processes, *found = unpack(f">{len(answer) // 4}I", answer)
        if counts:
            self._processes = max(1, processes)
            self._counted_until = time.monotonic() + _COUNT_PROCESS_SECONDS
        if refused:  # the refused hit was taken back
            found[::2] = [used - 1 for used in found[::2]]
        return Standing(refused - 1 if refused else None, tuple(found[::2]), tuple(found[1::2]))

    async def _ask(self, packed: bytes) -> bytes:
        """What the script answers."""
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.append((packed, answer))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_all())
        return await answer

    async def _send_all(self) -> None:
        """Send what waits, and what comes meanwhile, until nothing is left."""
        while self._waiting:
            batch, self._waiting = self._waiting[:_MOST_AT_ONCE], self._waiting[_MOST_AT_ONCE:]
            try:
                answers = await _in_time(self._exchange([packed for packed, _ in batch]))
            except (Exception, asyncio.CancelledError) as error:  # told to everybody who waits for it
                batch, self._waiting = batch + self._waiting, []
                reason = error if isinstance(error, RedisError | OSError) else CacheAway(type(error).__name__)
                answers = [reason] * len(batch)
            for (_, future), answer in zip(batch, answers, strict=True):
                if future.done():
                    continue  # who asked has gone
                if isinstance(answer, BaseException):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)

    async def _exchange(self, batch: Sequence[bytes]) -> list[bytes | BaseException]:
        """The answer to each; written and read by hand, at less than half of the client's own cost."""
        pool = self._redis.connection_pool
        connection: Any = await pool.get_connection()  # type: ignore[no-untyped-call]
        try:
            message = b"".join(self._command % (len(packed), packed) for packed in batch)
            await connection.send_packed_command([message])
            answers = [await _answer(connection) for _ in batch]
        finally:
            await pool.release(connection)
        for place, answer in enumerate(answers):
            if isinstance(answer, NoScriptError):  # Redis was restarted; the first one brings the script
                answers[place] = await self._script((), (batch[place], self._process))
        return answers

    async def ping(self) -> None:
        """Raises CacheAway when Redis does not answer."""
        try:
            await _in_time(self._redis.ping())
        except (RedisError, OSError) as error:
            raise CacheAway(type(error).__name__) from error

    async def close(self) -> None:
        """Close the connections."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.wait((self._sending,))
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
            await _in_time(self._script(keys, values))
        except (RedisError, OSError) as error:
            raise CacheAway(type(error).__name__) from error

    async def read(self, wanted: Mapping[str, int]) -> dict[str, list[Batch]]:
        """See Feed."""
        found: dict[str, list[Batch]] = {}
        asked = list(wanted.items())
        for start in range(0, len(asked), _MOST_READ):
            places: Any = {key: f"{after}-0" for key, after in asked[start : start + _MOST_READ]}
            try:
                news: Any = await _in_time(self._redis.xread(places, count=FEED_BATCHES_AT_ONCE))
            except (RedisError, OSError) as error:
                raise CacheAway(type(error).__name__) from error
            for name, entries in news:
                key = name.decode()
                found[key] = [_batch(key, entry_id, fields) for entry_id, fields in entries]
        return found

    async def forget(self, keys: Sequence[str]) -> None:
        """See Feed."""
        if not keys:
            return
        try:
            await _in_time(self._redis.delete(*keys))
        except (RedisError, OSError) as error:
            raise CacheAway(type(error).__name__) from error

    async def hint(self, message: str) -> None:
        """See Feed."""
        try:
            await _in_time(self._redis.publish(_CHANNEL, message))
        except (RedisError, OSError) as error:
            raise CacheAway(type(error).__name__) from error

    async def hints(self) -> AsyncIterator[str]:
        """See Feed."""
        while True:
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as listener:
                    await _in_time(listener.subscribe(_CHANNEL))
                    while True:
                        message = await listener.get_message(timeout=_LISTEN_SECONDS)
                        if message is not None:
                            yield message["data"].decode()
            except (RedisError, OSError):
                await asyncio.sleep(_LISTEN_AGAIN_SECONDS)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


def _batch(key: str, entry_id: bytes, fields: dict[bytes, bytes]) -> Batch:
    return Batch(key, int(fields[b"f"]), int(entry_id.partition(b"-")[0]), fields[b"s"])


async def _answer(connection: Any) -> bytes | BaseException:
    """One answer; an error that Redis told is one too, and the next can be read."""
    try:
        answer: bytes = await connection.read_response()
    except ResponseError as error:
        return error
    return answer


async def _in_time(work: Awaitable[Result]) -> Result:
    """The work's result; raises TimeoutError when Redis did not answer in time.

    A process that is busy looks late at the clock and at what has come. It may look again: what it was late
    itself is not held against Redis.
    """
    task, until = asyncio.ensure_future(work), time.monotonic() + _MOST_LATE_SECONDS
    try:
        late = True
        while late:
            began = time.monotonic()
            await asyncio.wait((task,), timeout=_TIMEOUT_SECONDS)
            if task.done():
                return task.result()
            now = time.monotonic()
            late = now - began > _TIMEOUT_SECONDS * 1.2 and now < until
        raise TimeoutError
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait((task,), timeout=_TIMEOUT_SECONDS)


def _client(url: str) -> Redis:
    # No time of its own, as `_in_time` looks at the clock; and its default of ten retries would freeze us.
    patience: Any = {"socket_timeout": None, "socket_connect_timeout": None, "retry": Retry(NoBackoff(), 0)}
    try:
        return Redis.from_url(url, **patience)
    except ValueError:  # it may quote the address, maybe with a password
        raise Misconfigured(
            "REDIS_URL is no address of Redis; write redis://:password@host:6379/0."
        ) from None
