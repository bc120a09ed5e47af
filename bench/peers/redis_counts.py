"""What a Redis was asked since it started, from its own statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

_CALLS = ("eval", "evalsha")


@dataclass(frozen=True, slots=True)
class Counts:
    """`calls` are scripts that somebody sent, each a round trip; `commands` also those that scripts ran."""

    calls: int
    commands: int


async def read_counts(url: str) -> Counts:
    """The counts now, without what it takes to read them."""
    async with Redis.from_url(url) as redis:
        stats: dict[str, Any] = await redis.info("commandstats")
    calls = {
        name.removeprefix("cmdstat_"): found["calls"]
        for name, found in stats.items()
        if name.startswith("cmdstat_")
    }
    reading = ("info", "hello", "client", "select")
    return Counts(
        sum(calls.get(name, 0) for name in _CALLS),
        sum(count for name, count in calls.items() if name.split("|")[0] not in reading),
    )
