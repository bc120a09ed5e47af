"""Asks for keys that nobody has, by a clock that the asker moves; counts what the provider hears."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from server.identity.jwks import PAUSE_SECONDS, FetchedKeys, open_client
from tests.server.identity.conftest import trusted
from tests.servers.key_server import KeyServer


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 10_000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def keys_of(server: KeyServer, clock: Hands, **changes: object) -> AsyncIterator[FetchedKeys]:
    async with open_client() as client:
        keys = FetchedKeys(trusted(server, **changes), client, clock)
        yield keys
        await keys.close()


async def fetches_in_a_flood(server: KeyServer, asked: int) -> list[int]:
    """How often keys were fetched: at first, up to thirty seconds later, and then; `asked` keys each time."""
    clock, counts = Hands(), []
    async with keys_of(server, clock) as keys:
        for later in (0, PAUSE_SECONDS - 0.1, 0.1):
            clock.now += later
            before = server.fetches
            await asyncio.gather(*(keys.having(f"unknown {number}") for number in range(asked)))
            counts.append(server.fetches - before)
    return counts
