"""Each benchmark runs, both sides answer the same, and ours writes less."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import uvloop

from bench import canned, history, route, turn
from bench.page import benchmark_page
from bench.registry import NAMES, load
from bench.result import Result
from bench.stage import Effort, Stage

TINY = Effort(rounds=1, turns=2, longest_talk=3)


async def in_a_thread(measuring: Coroutine[Any, Any, Result]) -> Result:
    """On a loop of its own, as `desk bench` does: starting servers and training routers blocks it."""
    return await asyncio.to_thread(uvloop.run, measuring)


async def test_turn_takes_two_commits(stage: Stage) -> None:
    result = await turn.measure(stage, TINY, (turn.Point(concurrency=2), turn.CANNED))
    chain, canned_turn = result.axis
    assert chain["ours"]["commits"] == canned_turn["ours"]["commits"] == 2
    assert chain["peer"]["commits"] == 15
    assert chain["peer_exit"]["commits"] == 1
    assert result.to_json().keys() >= {"name", "equal_answers", "ours", "peer", "ratio", "axis"}


async def test_history_keeps_fewer_rows_than_stock(stage: Stage) -> None:
    result = await history.measure(stage, TINY)
    assert result.axis[-1]["turn"] == 3
    assert result.ours["kept_rows"] < result.peer["kept_rows"]


async def test_canned_answers_over_http(stage: Stage) -> None:
    result = await in_a_thread(canned.measure(stage, TINY, (2,)))
    assert result.ours["commits"] < result.peer["commits"]


async def test_route_is_right_where_it_is_clear(stage: Stage) -> None:
    result = await in_a_thread(route.measure(stage, TINY))
    assert result.ours["accuracy"] > 0.5
    page = benchmark_page([result], (0.5, 0.7), {"start": "it did not"})
    assert "## route" in page
    assert "## start\n\nNot measured: it did not" in page
    assert str(stage.settings.home) not in page


def test_every_name_has_a_benchmark() -> None:
    assert all(callable(load(name)) for name in NAMES)
