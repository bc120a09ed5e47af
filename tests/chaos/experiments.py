"""The experiments by name, in the order of the report; each in a short form, a whole one, and longer ones.

The short form is part of the tests and only says that every experiment works and finds nothing. `times`
multiplies what the whole form does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from graphs.crash_points import CrashPoint
from tests.chaos import (
    effects,
    kills,
    machine,
    misbehaving,
    neighbours,
    operations,
    restarts,
    streams,
    waits,
    way_out,
    writers,
)
from tests.chaos.stage import Stage
from tests.measured.figures import Section

Measured = Awaitable[list[Section]]


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment; `short` is None where the tests hold it anyway."""

    name: str
    whole: Callable[[Stage, int], Measured]
    short: Callable[[Stage], Measured] | None


# From so many times on it is what the promises ask for: 1,000 kills, and streams for half an hour.
IN_FULL = 4
FEW_POINTS: tuple[CrashPoint, ...] = ("after_accept", "before_commit", "after_commit", "before_event_done")


async def _kills(stage: Stage, times: int) -> list[Section]:
    effort = kills.Effort(each_point=2 * times, seen=60 * times, random=80 * times, keepers=40 * times)
    shop = kills.Effort(each_point=times, seen=4 * times, random=8 * times, keepers=4 * times)
    return await kills.measure(stage, effort, shop)


async def _few_kills(stage: Stage) -> list[Section]:
    return await kills.measure(stage, kills.Effort(1, 1, 2, 1, FEW_POINTS))


async def _operations(stage: Stage, times: int) -> list[Section]:
    effort = operations.Effort(programs=60 * times, length=12, troubles=40 * times)
    return [await operations.measure(stage, effort)]


async def _machine(stage: Stage, times: int) -> list[Section]:
    return [await machine.measure(stage, machine.Effort(histories=12 * times, steps=15))]


async def _small_machine(stage: Stage) -> list[Section]:
    return [await machine.measure(stage, machine.Effort(histories=2, steps=6, seeded=True))]


async def _effects(stage: Stage, _times: int) -> list[Section]:
    return [await effects.measure(stage)]


async def _writers(stage: Stage, times: int) -> list[Section]:
    return [await writers.measure(stage, writers.Effort(turns=625 * times, sleeps=2 * times))]


async def _few_writers(stage: Stage) -> list[Section]:
    return [await writers.measure(stage, writers.Effort(turns=6, sleeps=0))]


async def _restarts(stage: Stage, times: int) -> list[Section]:
    return [await restarts.measure(stage, restarts.Effort(turns=1000 * times, pause=1.0, up=(5, 15)))]


async def _few_restarts(stage: Stage) -> list[Section]:
    return [await restarts.measure(stage, restarts.Effort(turns=72, pause=3.0, up=(1.0, 2.0)))]


async def _waits(stage: Stage, times: int) -> list[Section]:
    effort = waits.Effort(times=times, stuck_seconds=7, pace=10, model_seconds=29)
    return [await waits.measure(stage, effort)]


async def _misbehaving(stage: Stage, _times: int) -> list[Section]:
    return [await misbehaving.measure(stage, misbehaving.Effort(total_seconds=20.0))]


async def _misbehaving_a_little(stage: Stage) -> list[Section]:
    modes = ("broken", "cut_arguments", "unknown_tool", "overloaded_once")
    return [await misbehaving.measure(stage, misbehaving.Effort(modes=modes))]


async def _neighbours(stage: Stage, times: int) -> list[Section]:
    effort = neighbours.Effort(pace=4, seconds=8, windows=2 * times)
    return [await neighbours.measure(stage, effort)]


async def _streams(stage: Stage, times: int) -> list[Section]:
    minutes = times if times < IN_FULL else 30
    effort = streams.Effort(readers=1000, seconds=60 * minutes, drops=1500 * minutes, words=10, pause=5.0)
    return [await streams.measure(stage, effort)]


async def _few_streams(stage: Stage) -> list[Section]:
    effort = streams.Effort(readers=20, seconds=3, drops=20, words=10, pause=0.1)
    return [await streams.measure(stage, effort)]


async def _way_out(stage: Stage, times: int) -> list[Section]:
    return [await way_out.measure(stage, way_out.Effort(times=times, races=20 * times))]


EXPERIMENTS = (
    Experiment("kills", _kills, _few_kills),
    Experiment("operations", _operations, None),
    Experiment("machine", _machine, _small_machine),
    Experiment("effects", _effects, None),
    Experiment("writers", _writers, _few_writers),
    Experiment("restarts", _restarts, _few_restarts),
    Experiment("waits", _waits, None),
    Experiment("misbehaving", _misbehaving, _misbehaving_a_little),
    Experiment("neighbours", _neighbours, None),
    Experiment("streams", _streams, _few_streams),
    Experiment("way_out", _way_out, None),
)
BY_NAME = {experiment.name: experiment for experiment in EXPERIMENTS}
