"""The sweeps by name, in the order in which they run; each in its whole form."""

from __future__ import annotations

import asyncio

from tests.chaos.experiments import Experiment
from tests.chaos.stage import Stage
from tests.measured.figures import Section
from tests.sweeps import containment, egress, erasing, faults, hostile, keeping


async def _containment(stage: Stage, times: int) -> list[Section]:
    return [await containment.measure(stage, containment.Effort(wordings=min(12, 3 * times)))]


async def _egress(stage: Stage, times: int) -> list[Section]:
    return [await egress.measure(stage, egress.Effort(canaries=5_000 * times))]


async def _faults(stage: Stage, times: int) -> list[Section]:
    return [await faults.measure(stage, canaries=1_000 * times)]


async def _hostile(_stage: Stage, times: int) -> list[Section]:
    return [await asyncio.to_thread(hostile.measure, 100 * times)]


async def _keeping(stage: Stage, times: int) -> list[Section]:
    return await keeping.measure(stage, people=50 * times)


async def _erasing(stage: Stage, times: int) -> list[Section]:
    return [await erasing.measure(stage, erasing.Effort(people=1_000 * times))]


EXPERIMENTS = (
    Experiment("hostile", _hostile, None),
    Experiment("containment", _containment, None),
    Experiment("faults", _faults, None),
    Experiment("keeping", _keeping, None),
    Experiment("egress", _egress, None),
    Experiment("erasing", _erasing, None),
)
BY_NAME = {experiment.name: experiment for experiment in EXPERIMENTS}
