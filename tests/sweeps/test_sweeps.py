"""The short forms of the sweeps: they work, and find nothing; `make sweeps` does the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from desk.models.embeddings import MiniLM
from tests.chaos.stage import Stage, open_stage
from tests.measured.figures import Section
from tests.sweeps import containment, egress, erasing, faults, hostile, keeping

# A bound for machines that do ten other things: nothing here waits for long by itself.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
async def stage(embedder: MiniLM) -> AsyncIterator[Stage]:
    """Stores of these sweeps alone."""
    async with open_stage(lambda _: None) as stage:
        yield stage


def assert_met(*sections: Section) -> None:
    """Every figure that no slow machine may miss."""
    for section in sections:
        assert section.figures
        assert not [figure.what for figure in section.missed if not figure.timed], section.notes


async def test_an_obedient_model_is_contained(stage: Stage) -> None:
    assert_met(await containment.measure(stage, containment.Effort(wordings=1, every=5)))


async def test_no_structured_value_leaves_or_lies_in_clear(stage: Stage) -> None:
    assert_met(await egress.measure(stage, egress.Effort(canaries=240)))


async def test_a_scrubber_or_guard_that_fails_sends_nothing(stage: Stage) -> None:
    assert_met(await faults.measure(stage, canaries=100))


async def test_exports_are_whole_and_what_is_old_goes(stage: Stage) -> None:
    assert_met(*await keeping.measure(stage, people=3))


async def test_nothing_of_the_erased_is_found(stage: Stage) -> None:
    assert_met(await erasing.measure(stage, erasing.Effort(people=12)))


def test_hostile_texts_are_measured() -> None:
    assert_met(hostile.measure(mixtures=0))
