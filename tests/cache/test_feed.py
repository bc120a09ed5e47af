"""The feed of turns: news of many turns is asked for at once, the same in Redis and in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from desk.cache.memory import MemoryFeed
from desk.cache.port import FEED_BATCHES_AT_ONCE, Batch, CacheAway, Feed
from desk.cache.redis import RedisFeed
from desk.embedded import Engines
from tests.server.replicas import frozen, redis_pid

MANY_TURNS = 450


@pytest.fixture(params=["redis", "memory"])
async def feed(stores: Engines, request: Any) -> AsyncIterator[Feed]:
    assert stores.redis_url is not None
    found: Feed = RedisFeed(stores.redis_url) if request.param == "redis" else MemoryFeed()
    yield found
    await found.close()


def batch(key: str, first: int, last: int) -> Batch:
    return Batch(key, first, last, b"sealed")


async def test_each_reader_gets_what_came_after_what_they_have(feed: Feed) -> None:
    key = f"t:{uuid4()}"
    await feed.append([batch(key, 1, 3), batch(key, 4, 4), batch(key, 5, 9)])
    assert await feed.read({key: 3}) == {key: [batch(key, 4, 4), batch(key, 5, 9)]}
    assert await feed.read({key: 9}) == {}
    await feed.append([batch(key, 8, 9), batch(key, 10, 12)])
    assert await feed.read({key: 9}) == {key: [batch(key, 10, 12)]}


async def test_of_many_turns_those_with_news_are_named(feed: Feed) -> None:
    keys = [f"t:{uuid4()}" for _ in range(MANY_TURNS)]
    told = keys[::100]
    await feed.append([batch(key, 1, 2) for key in told])
    news = await feed.read(dict.fromkeys(keys, 0))
    assert news == {key: [batch(key, 1, 2)] for key in told}
    assert await feed.read({}) == {}


async def test_of_a_long_turn_the_first_come_first(feed: Feed) -> None:
    key = f"t:{uuid4()}"
    count = FEED_BATCHES_AT_ONCE + 10
    await feed.append([batch(key, number, number) for number in range(1, count + 1)])
    first = (await feed.read({key: 0}))[key]
    assert [one.last for one in first] == list(range(1, FEED_BATCHES_AT_ONCE + 1))
    assert len((await feed.read({key: first[-1].last}))[key]) == 10


async def test_a_frozen_redis_is_away(own_stores: Engines) -> None:
    assert own_stores.redis_url is not None
    feed = RedisFeed(own_stores.redis_url)
    assert await feed.read({"t:nobody": 0}) == {}
    with frozen(await redis_pid(own_stores)), pytest.raises(CacheAway):
        await feed.read({"t:nobody": 0})
    await feed.close()
