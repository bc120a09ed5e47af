"""One limit over two processes that 200 clients ask at once: used up, never exceeded, also without Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from desk.embedded import Engines
from tests.plugins.stores import temporary_home
from tests.server.crowds import LEAST, LIMIT, Crowd, two_processes


@pytest.fixture(scope="module")
async def crowd(own_stores: Engines) -> AsyncIterator[Crowd]:
    with temporary_home() as home:
        async with two_processes(own_stores, Path(home)) as found:
            yield found


async def test_one_person_from_200_clients(crowd: Crowd) -> None:
    assert LEAST <= await crowd.as_one_person() <= LIMIT


async def test_one_tenant_with_200_people(crowd: Crowd) -> None:
    assert LEAST <= await crowd.as_one_tenant() <= LIMIT


async def test_with_redis_dead_all_together_are_let_in_no_more_often(crowd: Crowd) -> None:
    assert 0 < await crowd.with_redis_dead() <= LIMIT
