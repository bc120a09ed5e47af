"""Each benchmark runs, both sides answer the same, and ours writes less."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop

from bench import (
    admission,
    canned,
    distance,
    history,
    ingest,
    overload,
    route,
    scrub,
    search,
    tenants,
    tokens,
    turn,
)
from bench.kept import Kept, just_found, read_kept
from bench.page import benchmark_page
from bench.registry import NAMES, load
from bench.result import Result
from bench.stage import Effort, Stage

TINY = Effort(rounds=1, turns=2, longest_talk=3)


async def in_a_thread(measuring: Coroutine[Any, Any, Result]) -> Result:
    """On a loop of its own, as `desk bench` does: starting servers and training routers blocks it."""
    return await asyncio.to_thread(uvloop.run, measuring)


async def test_turn_takes_two_commits(stage: Stage) -> None:
    few = Effort(rounds=3, turns=12, longest_talk=3)  # Postgres commits something of its own now and then
    result = await in_a_thread(turn.measure(stage, few, (turn.Point(concurrency=2), turn.CANNED)))
    chain, canned_turn = result.axis
    assert chain["ours"]["commits"] == pytest.approx(2, abs=0.9)
    assert canned_turn["ours"]["commits"] == pytest.approx(2, abs=0.9)
    assert chain["peer"]["commits"] == pytest.approx(15, abs=0.9)
    assert chain["peer_exit"]["commits"] == pytest.approx(1, abs=0.9)
    assert result.to_json().keys() >= {"name", "equal_answers", "ours", "peer", "ratio", "axis"}


async def test_history_keeps_fewer_rows_than_stock(stage: Stage) -> None:
    result = await in_a_thread(history.measure(stage, TINY))
    assert result.axis[-1]["turn"] == 3
    assert result.ours["kept_rows"] < result.peer["kept_rows"]


async def test_canned_answers_over_http(stage: Stage) -> None:
    result = await in_a_thread(canned.measure(stage, TINY, (2,)))
    assert result.ours["commits"] < result.peer["commits"]


async def test_admission_asks_redis_once(stage: Stage) -> None:
    result = await in_a_thread(admission.measure(stage, TINY))
    assert result.ours["round_trips"] < 1.5 < result.peer["round_trips"]
    assert [row["token"] for row in result.axis] == ["seen before", "first seen"]
    assert "## admission" in benchmark_page([just_found(result, 0.5)])


@pytest.mark.extras
async def test_a_distant_database_costs_few_round_trips(stage: Stage) -> None:
    result = await in_a_thread(distance.measure(stage, TINY, (distance.Point(1, 2),)))
    assert result.ours["round_trips"] <= 3 < result.peer["round_trips"]


@pytest.mark.extras
async def test_every_token_arrives_with_many_streams(stage: Stage) -> None:
    result = await in_a_thread(tokens.measure(stage, TINY, (tokens.Point(streams=4, words=16),)))
    assert {"cpu_us", "memory_kb", "added_p95_ms"} <= result.ours.keys() & result.peer.keys()


@pytest.mark.extras
async def test_a_crowd_is_answered_or_told_so(stage: Stage) -> None:
    result = await in_a_thread(overload.measure(stage, TINY, (1.0,)))
    assert result.ours["answered_per_s"] > 0
    assert result.ours["gone_share"] < 1


async def test_route_is_right_where_it_is_clear(stage: Stage, tmp_path: Path) -> None:
    result = await in_a_thread(route.measure(stage, TINY))
    assert result.ours["accuracy"] > 0.5
    Kept(result, "2026-01-02", (0.5, 0.7)).keep(tmp_path)
    [kept] = read_kept(NAMES, tmp_path)
    assert kept == Kept(result, "2026-01-02", (0.5, 0.7))
    page = benchmark_page([kept], {"start": "it did not"})
    assert "## route" in page
    assert "2026-01-02, load average 0.5 before and 0.7 after." in page
    assert "## start\n\nNot measured: it did not" in page
    assert str(stage.settings.home) not in page


async def test_many_tenants_are_asked_migrated_and_swept(own_stage: Stage) -> None:
    result = await in_a_thread(tenants.measure(own_stage, TINY))
    assert result.ours["sweep_ms"] < result.peer["sweep_ms"]
    assert result.ours["own_schema_turn_p50_ms"] > 0
    assert result.ours["migrate_own_s"] > 0
    assert "| own schemas |" in benchmark_page([just_found(result, 0.5)])


async def test_search_finds_the_nearest_of_its_own_tenant(stage: Stage) -> None:
    few = Effort(rounds=1, turns=20)
    result = await in_a_thread(search.measure(stage, few, (200, 400), 3))
    assert [point["faqs"] for point in result.axis] == ["500, 4 tenants", 200, 400]
    assert all(point["ours"]["recall_at_10"] == point["peer"]["recall_at_10"] == 1.0 for point in result.axis)
    assert result.axis[-1]["peer_one_index"]["recall_at_10"] <= result.axis[-1]["ours"]["recall_at_10"]


async def test_both_ways_of_loading_find_the_row(stage: Stage) -> None:
    result = await in_a_thread(ingest.measure(stage, TINY, (8,)))
    assert min(result.ours["rows_per_s"], result.peer["rows_per_s"], result.ratio["rows_per_s"]) > 0


async def test_values_are_hidden_at_every_length(stage: Stage) -> None:
    result = await in_a_thread(scrub.measure(stage, TINY, (20, 400)))
    assert result.peer == {}
    assert [point["characters"] for point in result.axis] == [20, 400]
    assert all(value in scrub.message(400) for value in (scrub.MAIL, scrub.CARD))


def test_every_name_has_a_benchmark() -> None:
    assert all(callable(load(name)) for name in NAMES)
