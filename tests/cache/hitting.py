"""A process that hits one key as fast as it can, from many tasks at once; prints how many were counted."""

from __future__ import annotations

import asyncio
import sys

from desk.cache.port import Window
from desk.cache.redis import RedisHits

TASKS = 25


async def _hit_all(url: str, key: str, limit: int, times: int) -> int:
    hits = RedisHits(url)
    windows = (Window(limit, 60), Window(limit * 10, 3600))

    async def client() -> int:
        counted = 0
        for _ in range(times // TASKS):
            standing = await hits.hit((key, key), windows, told=2)
            counted += standing.refused is None
        return counted

    counted = sum(await asyncio.gather(*(client() for _ in range(TASKS))))
    await hits.close()
    return counted


if __name__ == "__main__":
    _, url, key, limit, times = sys.argv
    print(asyncio.run(_hit_all(url, key, int(limit), int(times))))  # noqa: T201 - what it is for
