"""Counting hits: exact, sliding, in all windows or in none, the same in Redis and in memory."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from desk.cache.memory import MemoryHits
from desk.cache.port import HitCounter, Window
from desk.cache.redis import RedisHits
from desk.embedded import Engines
from desk.settings import child_environment

HOUR = Window(1000, 3600)


@pytest.fixture(params=["redis", "memory"])
async def hits(stores: Engines, request: Any) -> AsyncIterator[HitCounter]:
    assert stores.redis_url is not None
    counter: HitCounter = RedisHits(stores.redis_url) if request.param == "redis" else MemoryHits()
    yield counter
    await counter.close()


def new_key() -> str:
    return uuid4().hex


async def test_two_processes_at_once_count_exactly_the_limit(stores: Engines) -> None:
    key, limit = new_key(), 300

    async def process() -> int:
        command = ("-m", "tests.cache.hitting", str(stores.redis_url), key, str(limit), "1000")
        done = await asyncio.create_subprocess_exec(
            sys.executable, *command, env=child_environment(), stdout=asyncio.subprocess.PIPE
        )
        said, _ = await done.communicate()
        return int(said)

    assert sum(await asyncio.gather(process(), process())) == limit


async def test_no_stretch_of_a_window_holds_more_than_the_limit(hits: HitCounter) -> None:
    key, window = new_key(), Window(5, 1)
    counted: list[tuple[float, float]] = []
    until = time.monotonic() + 3.3
    while time.monotonic() < until:
        before = time.monotonic()
        if (await hits.hit((key,), (window,), told=1)).refused is None:
            counted.append((before, time.monotonic()))
        await asyncio.sleep(0.005)
    assert len(counted) >= 2 * window.limit
    for (before, _), (_, after) in zip(counted, counted[window.limit :], strict=False):
        assert after - before >= window.seconds


async def test_a_refused_hit_is_counted_in_no_window(hits: HitCounter) -> None:
    small, large = new_key(), new_key()
    windows = (Window(2, 60), HOUR, Window(100, 60))
    keys = (small, small, large)
    stood = [await hits.hit(keys, windows, told=3) for _ in range(5)]
    assert [one.refused for one in stood] == [None, None, 0, 0, 0]
    assert stood[-1].used == (2, 2, 2)
    assert 55_000 < stood[-1].left_ms[0] <= 60_000


async def test_what_is_refused_for_one_key_may_be_the_first_of_another(hits: HitCounter) -> None:
    full, fresh = new_key(), new_key()
    await hits.hit((full,), (Window(1, 60),), told=1)
    standing = await hits.hit((fresh, full), (HOUR, Window(1, 60)), told=2)
    assert (standing.refused, standing.used) == (1, (0, 1))
    assert 3_590_000 < standing.left_ms[0] <= 3_600_000


async def test_the_window_that_is_full_longest_is_the_one_that_refuses(hits: HitCounter) -> None:
    key = new_key()
    windows = (Window(1, 60), Window(1, 3600))
    await hits.hit((key, key), windows, told=2)
    standing = await hits.hit((key, key), windows, told=2)
    assert standing.refused == 1
    assert standing.left_ms[1] > 3_500_000


async def test_a_window_that_is_not_told_is_exact_too(hits: HitCounter) -> None:
    key, window = new_key(), Window(3, 1)

    async def refused() -> bool:
        return (await hits.hit((key,), (window,), told=0)).refused is not None

    assert [await refused() for _ in range(5)] == [False, False, False, True, True]
    await asyncio.sleep(1.05)
    assert [await refused() for _ in range(5)] == [False, False, False, True, True]


async def test_a_lower_limit_counts_what_was_before(hits: HitCounter) -> None:
    key = new_key()
    for _ in range(10):
        await hits.hit((key,), (Window(50, 60),), told=1)
    standing = await hits.hit((key,), (Window(4, 60),), told=1)
    assert standing.refused == 0


async def test_much_that_left_at_once_is_cut_off(hits: HitCounter) -> None:
    key, window = new_key(), Window(1000, 1)
    for _ in range(500):
        await hits.hit((key,), (window,), told=1)
    await asyncio.sleep(0.6)
    await hits.hit((key,), (window,), told=1)
    await asyncio.sleep(0.6)
    standing = await hits.hit((key,), (window,), told=1)
    assert standing.used[0] <= 3


async def test_redis_forgets_a_key_after_its_window(stores: Engines) -> None:
    assert stores.redis_url is not None
    hits, key = RedisHits(stores.redis_url), new_key()
    await hits.hit((key, key), (Window(5, 60), HOUR), told=2)
    async with Redis.from_url(stores.redis_url) as redis:
        assert 0 < await redis.ttl(f"hits:{key}:60") <= 60
        assert 60 < await redis.ttl(f"hits:{key}:3600") <= 3600
    await hits.close()


async def test_processes_know_of_each_other_and_a_lost_script_is_sent_again(own_stores: Engines) -> None:
    assert own_stores.redis_url is not None
    first, second = RedisHits(own_stores.redis_url), RedisHits(own_stores.redis_url)
    assert first.processes == 1
    await first.hit((), (), told=0)
    async with Redis.from_url(own_stores.redis_url) as redis:
        await redis.script_flush()
    await second.hit((), (), told=0)
    assert second.processes == 2
    await first.close()
    await second.close()
